import { asWord, uint64 } from '../codec.ts';
import { flag, type MatchExtension, type MeaningContext, negatableFlag, type Option, value } from '../extension.ts';
import { listed, listedText, listedThen } from '../listed.ts';
import { fieldsOf, memberOf } from '../membership.ts';
import { all, choice, NEVER, type Predicate, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

type Direction = 'src' | 'dst';

/** `--match-set NAME src,dst`: the set, and which side of the packet each of its dimensions is compared with. */
export interface SetReference {
  readonly name: string;
  readonly directions: readonly Direction[];
}

/** What the counter of the entry that is found has to be. */
export interface CounterComparison {
  readonly is: 'eq' | 'lt' | 'gt';
  readonly value: bigint;
  /** Of `eq` only. */
  readonly negated: boolean;
}

export interface SetOptions {
  readonly set?: Negatable<SetReference>;
  readonly returnNomatch?: true;
  readonly updateCounters?: Negatable<true>;
  readonly updateSubcounters?: Negatable<true>;
  readonly packets?: CounterComparison;
  readonly bytes?: CounterComparison;
}

/** Source: IPSET_MAXNAMELEN in ip_set.h, less the end of the string; IPSET_DIM_MAX. */
const LONGEST_NAME = 31;
const MOST_DIRECTIONS = 6;

/** The two words that name a set and what is looked up in it: shared with the target. */
export const setReference = {
  expected: 'the name of a set, and src and dst in the order of its dimensions: banned src, or web dst,dst',
  read([name = '', sides = '']: readonly string[]): SetReference | undefined {
    const directions = sides.split(',').map(direction);
    if (name === '' || name.length > LONGEST_NAME || directions.length > MOST_DIRECTIONS) return undefined;
    return directions.every((side) => side !== undefined) ? { name, directions } : undefined;
  },
  print: ({ name, directions }: SetReference): string => `${asWord(name)} ${directions.join(',')}`,
};

const set: Option<Negatable<SetReference>> = {
  names: ['--match-set', '--set'],
  arity: 2,
  negatable: true,
  expected: setReference.expected,
  read(words, negated) {
    const of = setReference.read(words);
    return of && { value: of, negated };
  },
  print: ({ value: of, negated }) => `${negated ? '! ' : ''}--match-set ${setReference.print(of)}`,
};

/** The tools look at three letters. */
const direction = (word: string): Direction | undefined =>
  word.startsWith('src') ? 'src' : word.startsWith('dst') ? 'dst' : undefined;

/** `--packets-eq`, `--packets-lt` and `--packets-gt`, of which a rule takes one; for bytes likewise. */
function counter(of: 'packets' | 'bytes'): readonly Option<CounterComparison>[] {
  const print = ({ is, value: count, negated }: CounterComparison): string =>
    `${negated ? '! ' : ''}--${of}-${is} ${count}`;
  return (['eq', 'lt', 'gt'] as const).map((is) => ({
    ...value([`--${of}-${is}`], uint64),
    negatable: is === 'eq',
    print,
    read([word = ''], negated, family) {
      const count = uint64.read(word, family);
      return count === undefined ? undefined : { is, value: count, negated };
    },
  }));
}

/** Only its opposite says anything: counters are updated unless told otherwise. */
const update = (name: '--update-counters' | '--update-subcounters'): Option<Negatable<true>> => ({
  ...negatableFlag(name),
  repeats: true,
  read: (_words, negated, _family, before) => ({ value: true, negated: negated || before?.negated === true }),
  print: ({ negated }) => (negated ? `! ${name}` : ''),
});

/** `-m set`. Source: iptables-extensions(8), set; net/netfilter/xt_set.c. */
export const setMatch: MatchExtension<SetOptions> = {
  name: 'set',
  options: {
    set,
    returnNomatch: { ...flag('--return-nomatch'), repeats: true },
    updateCounters: update('--update-counters'),
    updateSubcounters: update('--update-subcounters'),
    packets: counter('packets'),
    bytes: counter('bytes'),
  },
  listed: listedThen(
    listedText(
      /(! )?match-set /,
      / ((?:src|dst)(?:,(?:src|dst))*)/,
      LONGEST_NAME,
      (name, bang, sides) => `${bang} --match-set ${asWord(name)} ${sides}`,
    ),
    listed(
      [/return-nomatch/, '--return-nomatch'],
      [/! update-counters/, '! --update-counters'],
      [/! update-subcounters/, '! --update-subcounters'],
      [/(! )?packets-(eq|lt|gt) (\d+)/, '$1 --packets-$2 $3'],
      [/(! )?bytes-(eq|lt|gt) (\d+)/, '$1 --bytes-$2 $3'],
    ),
  ),
  required: ['set'],
  predicate: (options, context) => unless(options.set?.negated ?? false, inSet(options, context)),
};

const HOW_TO_READ = 'a snapshot has it, or the output of ipset save in the same file';

function inSet({ set: of, returnNomatch, packets, bytes }: SetOptions, context: MeaningContext): Predicate {
  if (!of) return NEVER;
  const { name, directions } = of.value;
  const group = `the set ${JSON.stringify(name)}`;
  const sources = directions.map((side) => side === 'src');
  const read = context.sets === 'aside' ? undefined : context.sets;
  const found = read?.get(name);
  const fields = fieldsOf(found?.type, sources);
  const known = (meaning: Predicate): Predicate => ({ kind: 'member', fields, group, meaning });
  if (context.sets === 'aside')
    return known(unknown(`what is in ${group} is not told in a few lines; trace looks at it`));
  if (!read) return known(unknown(`what is in ${group} was not read (${HOW_TO_READ})`));
  if (!found) return known(unknown(`${group} is not among those that were read`));
  const inside = memberOf(found, {
    sources,
    returnNomatch: returnNomatch === true,
    family: context.family,
    sets: read,
  });
  if (!found.counts || (!packets && !bytes)) return known(inside);
  return known(all(inside, choice(`counters ${name}`, `it depends on the packets that ${group} has counted so far`)));
}
