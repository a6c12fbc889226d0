import { formatPortRange } from '../address/index.ts';
import type { Rule } from '../netfilter/index.ts';
import { cursorOver, nextWord, printRule } from '../text/index.ts';
import { portRangesIn } from './drift-meaning.ts';
import type { DriftFound, Verification } from './verification.ts';
import { shellWord } from './words.ts';

/** What a command that mends something needs to know beside the differences. */
export interface MendPlace {
  /** The name that the user typed: `sidestep`. */
  readonly program: string;
  /** The flags that name the namespace and the back end, each with a blank before it: ` --netns node`. */
  readonly where: string;
  /** The family that was asked about alone, as a flag: ` --family ipv4`. */
  readonly family: string;
  /** Puts iptables into the namespace: `ip netns exec node`; empty in this process's own. */
  readonly enter: readonly string[];
  /** The flags of init that ask for the interception. */
  readonly asked: readonly string[];
}

/**
 * The commands that put things right, to be run in this order: bypasses taken back, rules of others deleted, the
 * interception written again. A rule is deleted by what it says, not by its number, so no command depends on the others.
 */
export function mendsOf({ drifts, routing, commented }: Verification, place: MendPlace): string[] {
  const { program, where, family, asked } = place;
  const undos = drifts.flatMap(({ bypass, rule, family: of }) => {
    if (bypass === undefined || !rule) return [];
    const ports = portRangesIn(rule, of).map((range) => ` ${formatPortRange(range, '-')}`);
    return [`${program} bypass${ports.join('')} --undo${where}${family}`];
  });
  const others = drifts.filter(isOthers);
  const chosen = family !== '' && !asked.some((flag) => flag.startsWith('--family')) ? family : '';
  const init = `${program} init ${asked.join(' ')}${commented ? ' --comment' : ''}${chosen} --reconcile${where}`;
  const rest = routing.length > 0 || drifts.some((drift) => drift.bypass === undefined && !isOthers(drift));
  return [...new Set(undos), ...others.map((drift) => takenAway(drift, place)), ...(rest ? [init] : [])];
}

/** init leaves alone what others have put into built-in chains. */
const isOthers = ({ foreign, bypass }: DriftFound): boolean => foreign === true && bypass === undefined;

/** The command that deletes a rule by what it says, or without a rule gives a chain its usual policy. */
export function takenAway(
  {
    family,
    backend,
    table,
    chain,
    rule,
  }: Pick<DriftFound, 'family' | 'backend' | 'chain'> & {
    readonly table: string;
    readonly rule?: Rule | undefined;
  },
  { enter }: Pick<MendPlace, 'enter'>,
): string {
  const tool = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
  const words = [...enter, tool, '-t', table];
  if (rule) words.push('-D', chain, ...wordsOf(rule, family));
  else words.push('-P', chain, 'ACCEPT');
  return words.map(shellWord).join(' ');
}

/** A rule as the words of a command: iptables-save's own quotes are not a shell's. */
function wordsOf(rule: Rule, family: DriftFound['family']): string[] {
  const words: string[] = [];
  const cursor = cursorOver(printRule(rule, family));
  while (nextWord(cursor)) words.push(cursor.word);
  return words;
}
