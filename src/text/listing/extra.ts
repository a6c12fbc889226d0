import {
  allMatches,
  findTarget,
  type ListedUse,
  type MatchUse,
  type TargetUse,
  type Unshown,
} from '../../netfilter/index.ts';

/** What a rule's matches and target say, of which the reader below makes uses. */
export interface Extra {
  readonly matches: readonly MatchUse[];
  /** Undefined: the target's own text was not found, or not understood. */
  readonly target: TargetUse | undefined;
  readonly unshown: readonly Unshown[];
  readonly goto: boolean;
}

/** Reads one use as it would be typed (`-p 6 -m tcp --dport 80`), or undefined where that is refused. */
export type ReadUse = {
  match(name: string, words: string): MatchUse | undefined;
  target(name: string, words: string): TargetUse | undefined;
};

/**
 * Reads what stands after the columns: the text of each match in order, then the target's. From the first word on that
 * belongs to no match that Sidestep reads, all is kept as it stands: what looks like a match there may be part of a text.
 */
export function readExtra(text: string, targetName: string, use: ReadUse): Extra {
  const goto = /^\s*\[goto\](?=\s|$)/.exec(text)?.[0] ?? '';
  const matches: MatchUse[] = [];
  const unshown: Unshown[] = [];
  let at = goto.length;
  let because: string | undefined;
  for (;;) {
    while (/[ \t]/.test(text.charAt(at))) at += 1;
    const words = targetWords(text, at, targetName);
    if (words !== undefined) return { matches, target: use.target(targetName, words), unshown, goto: goto !== '' };
    const found = matchAt(text, at);
    if (!found) break;
    const { name, words: said, end } = found;
    because = found.unshown;
    if (end === undefined) break;
    const shown = text.slice(at, end).trim();
    const match = said === undefined ? undefined : use.match(name, said);
    if (match) matches.push(match);
    if (!match || because !== undefined)
      unshown.push({ part: name, words: shown, because: because ?? notReadable(shown), after: matches.length });
    because = undefined;
    at = end;
  }
  const from = suffixOfTarget(text, at, targetName);
  const shown = text.slice(at, from).trim();
  if (shown !== '')
    unshown.push({ part: shown, words: shown, because: because ?? notUnderstood(shown), after: matches.length });
  const words = targetWords(text, from, targetName);
  return {
    matches,
    target: words === undefined ? undefined : use.target(targetName, words),
    unshown,
    goto: goto !== '',
  };
}

/** It is the text of a match, with a value that the match does not take. */
const notReadable = (shown: string): string =>
  `Sidestep cannot tell what ${JSON.stringify(shown)} asks for: iptables -L -n shows numbers in the place of names`;

const notUnderstood = (shown: string): string =>
  `Sidestep cannot tell what ${JSON.stringify(shown)} in a listing asks for`;

/** The options of the target, where all of the text from `at` on is the target's. */
function targetWords(text: string, at: number, name: string): string | undefined {
  const extension = findTarget(name);
  if (text.slice(at).trim() === '') return '';
  const found = extension?.listed?.(text, at);
  return found?.end !== undefined && text.slice(found.end).trim() === '' ? found.words : undefined;
}

/** Where the target's text begins, after text that was not understood; the end where it is not found. */
function suffixOfTarget(text: string, at: number, name: string): number {
  for (let from = at; from < text.length; from += 1)
    if (/[ \t]/.test(text.charAt(from - 1)) && targetWords(text, from, name) !== undefined) return from;
  return text.length;
}

function matchAt(text: string, at: number): (ListedUse & { readonly name: string }) | undefined {
  for (const { name, listed } of allMatches) {
    const found = listed?.(text, at);
    if (found) return { name, ...found };
  }
  return undefined;
}
