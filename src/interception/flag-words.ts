import type { Flag } from './istio-flag-table.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './refused.ts';

/** A value and how it was given: `-b`, `--istio-inbound-ports` or the name of a variable. */
export interface Given {
  readonly value: string;
  readonly as: string;
}

/** The last value of each flag that was typed, by the flag's long name. */
export interface FlagWords {
  readonly given: ReadonlyMap<string, Given>;
  readonly problems: readonly Problem[];
}

/**
 * Reads words as Go's pflag does: `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-f=value`; booleans take a
 * value with `=` only and may share a dash (`-nb 80`); `--` ends the flags; of several the last counts.
 */
export function readFlagWords(argv: readonly string[], flags: readonly Flag[]): FlagWords {
  const given = new Map<string, Given>();
  const problems: Problem[] = [];
  // The next word is the last here: taking one from the front moves all others.
  const words = argv.toReversed();
  const take = (flag: Flag, as: string, attached: string | undefined): void => {
    const value = attached ?? (flag.kind === 'boolean' ? 'true' : words.pop());
    if (value === undefined) problems.push({ about: as, value: '', expected: 'a value behind it' });
    else given.set(flag.name, { value, as });
  };
  // What stands behind a flag that does not exist is its value, most likely: one complaint is enough.
  const unknown = (typed: string, complete: boolean): Problem => {
    if (!complete && words.at(-1)?.startsWith('-') === false) words.pop();
    return unknownFlag(typed, flags);
  };
  for (let word = words.pop(); word !== undefined; word = words.pop()) {
    if (word === '--') {
      for (const after of words.splice(0).reverse()) problems.push(stray(after));
    } else if (word.startsWith('--')) {
      const [name = '', ...value] = word.slice(2).split('=');
      const flag = flags.find((other) => other.name === name);
      if (flag) take(flag, `--${name}`, value.length > 0 ? value.join('=') : undefined);
      else problems.push(unknown(`--${name}`, value.length > 0));
    } else if (word.startsWith('-') && word !== '-') {
      const long = flags.find(({ name }) => name === word?.slice(1).split('=')[0]);
      if (long) problems.push(unknown(word, word.includes('=') || long.kind === 'boolean'));
      else problems.push(...readShort(word, flags, take));
    } else {
      problems.push(stray(word));
    }
  }
  return { given, problems };
}

/** `-p15001`, `-p=15001`, `-n`, `-nb` with the value in the next word. */
function readShort(
  word: string,
  flags: readonly Flag[],
  take: (flag: Flag, as: string, attached: string | undefined) => void,
): readonly Problem[] {
  for (let at = 1; at < word.length; at += 1) {
    const short = word[at] ?? '';
    const flag = flags.find((other) => other.short === short);
    if (!flag) return [unknownFlag(`-${short}`, flags)];
    const rest = word.slice(at + 1);
    if (rest.startsWith('=')) {
      take(flag, `-${short}`, rest.slice(1));
      return [];
    }
    if (flag.kind !== 'boolean') {
      take(flag, `-${short}`, rest === '' ? undefined : rest);
      return [];
    }
    take(flag, `-${short}`, undefined);
  }
  return [];
}

function unknownFlag(typed: string, flags: readonly Flag[]): Problem {
  const name = typed.replace(/^-+/, '').split('=')[0] ?? '';
  const long = typed.length > 2;
  const near = long
    ? nearest(
        name,
        flags.map((flag) => flag.name),
      )
    : undefined;
  return {
    about: typed,
    value: '',
    expected: 'a flag of istio-iptables',
    cause: near ? `Did you mean --${near}?` : `Its short flags are ${shortFlags(flags)}.`,
  };
}

const shortFlags = (flags: readonly Flag[]): string =>
  flags.flatMap(({ short }) => (short ? [`-${short}`] : [])).join(' ');

/** istio-iptables passes over such a word, and with it half of a list that was typed with a space. */
const stray = (word: string): Problem => ({
  about: 'the word',
  value: word,
  expected: 'a flag',
  cause: /^(true|false|0|1)$/i.test(word)
    ? 'A flag that is on or off takes its value with =, as in --dry-run=true.'
    : 'A list is one word: -b 8080,9090, or in quotes where it has spaces.',
});
