/** What a script asks of ipset, as the lines that `ipset save` would print of it. */
export interface SetLines {
  /** Carries out a call that is followed. Gives whether it is. */
  carryOut(given: readonly string[]): boolean;
  /** A call that may have been made or not, or whose words are not known. */
  guess(given: readonly string[]): void;
  /** The lines in the end, and the names of the sets of which it is not known what is in them. */
  lines(): { readonly text: string; readonly unsure: ReadonlySet<string>; readonly all: boolean };
}

interface Made {
  readonly create: string;
  entries: string[];
}

const ALIASES: Readonly<Record<string, string>> = {
  n: 'create',
  '-N': 'create',
  '--create': 'create',
  '-A': 'add',
  '--add': 'add',
  '-D': 'del',
  '--del': 'del',
  '-X': 'destroy',
  x: 'destroy',
  '--destroy': 'destroy',
  '-F': 'flush',
  '--flush': 'flush',
};

const QUIET: ReadonlySet<string> = new Set(['-exist', '-!', '-q', '-quiet', '--exist', '--quiet']);
const SHOWS: ReadonlySet<string> = new Set(
  'list save test -L -S -T --list --save --test version help -v -h'.split(' '),
);

export function newSetLines(): SetLines {
  const made = new Map<string, Made>();
  const unsure = new Set<string>();
  let all = false;
  const guess = (given: readonly string[]): void => {
    const [asked = '', name, other] = given.filter((text) => !QUIET.has(text));
    if (SHOWS.has(asked)) return;
    if (asked === 'flush' || (ALIASES[asked] ?? asked) === 'destroy') {
      for (const one of name === undefined || name === '?' ? made.keys() : [name]) unsure.add(one);
      return;
    }
    if (name === undefined || name === '?' || asked === 'restore' || asked.startsWith('-R')) all = true;
    else unsure.add(name);
    if (other !== undefined && /^(?:swap|rename|-W|-E)$/.test(asked)) unsure.add(other);
  };
  const carryOut = (given: readonly string[]): boolean => {
    const exists = given.some((text) => text === '-exist' || text === '-!' || text === '--exist');
    const words = given.filter((text) => !QUIET.has(text));
    const [asked = '', name = '', ...rest] = words;
    if (SHOWS.has(asked)) return true;
    const set = made.get(name);
    if (words.some((text) => /[\s"]/.test(text))) {
      guess(given);
      return false;
    }
    switch (ALIASES[asked] ?? asked) {
      case 'create':
        // Without -exist a second one fails; with it the first one stays.
        if (!set) made.set(name, { create: `create ${name} ${rest.join(' ')}`, entries: [] });
        return true;
      case 'add': {
        const line = `add ${name} ${rest.join(' ')}`;
        if (!set) return unfollowed(given);
        if (set.entries.some((entry) => entry.split(' ')[2] === rest[0]) && exists && rest.length > 1)
          return unfollowed(given);
        if (!set.entries.includes(line)) set.entries.push(line);
        return true;
      }
      case 'destroy':
        // One that a rule asks about stays.
        return (name === '' ? made.size === 0 : !set) || unfollowed(given);
      case 'flush':
        if (name === '') for (const one of made.values()) one.entries = [];
        else if (set) set.entries = [];
        return true;
      default:
        return unfollowed(given);
    }
  };
  const unfollowed = (given: readonly string[]): false => {
    guess(given);
    return false;
  };
  return {
    carryOut,
    guess,
    lines: () => ({
      text: [...made.values()].map(({ create, entries }) => [create, ...entries, ''].join('\n')).join(''),
      unsure,
      all,
    }),
  };
}
