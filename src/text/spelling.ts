import { allMatches, allTargets, type Extension, findMatch, findTarget, type Option } from '../netfilter/index.ts';

/** An extension made ready for reading: its options by every name they are typed as. */
export interface Spelling {
  readonly kind: 'match' | 'target';
  readonly extension: Facts;
  readonly slots: ReadonlyMap<string, Slot>;
}

/** What reading asks of an extension. Its own object has only what it needs: these have one shape, and V8 knows the way in it. */
export interface Facts extends Pick<Extension<object>, 'name'> {
  readonly places: Extension<object>['places'] | undefined;
  readonly protocols: Extension<object>['protocols'] | undefined;
  readonly required: readonly string[] | undefined;
  readonly refuse: Extension<object>['refuse'] | undefined;
  readonly complete: Extension<object>['complete'] | undefined;
}

const factsOf = ({ name, places, protocols, required, refuse, complete }: Extension<object>): Facts => ({
  name,
  places,
  protocols,
  required,
  refuse,
  complete,
});

/** An option, and the key of the extension's options that it sets. */
export interface Slot {
  readonly key: string;
  readonly option: Option<unknown>;
}

const matchSpellings = new Map<string, Spelling>();
const targetSpellings = new Map<string, Spelling>();

/** The match that `-m NAME` loads, made ready on first use; undefined when Sidestep does not know it. */
export const matchSpelling = (name: string): Spelling | undefined =>
  matchSpellings.get(name) ?? remember(matchSpellings, name, 'match', findMatch(name));

/** The target that `-j NAME` means, made ready on first use; undefined when Sidestep does not know it. */
export const targetSpelling = (name: string): Spelling | undefined =>
  targetSpellings.get(name) ?? remember(targetSpellings, name, 'target', findTarget(name));

function remember(
  spellings: Map<string, Spelling>,
  name: string,
  kind: Spelling['kind'],
  extension: Extension<object> | undefined,
): Spelling | undefined {
  const spelling = extension && { kind, extension: factsOf(extension), slots: slotsOf(extension) };
  if (spelling) spellings.set(name, spelling);
  return spelling;
}

/** The options of an extension by key, without the types that its own file gives them. */
export const tableOf = (extension: Extension<object>) =>
  extension.options as Readonly<Record<string, Option<unknown> | readonly Option<unknown>[]>>;

function slotsOf(extension: Extension<object>): ReadonlyMap<string, Slot> {
  const slots = new Map<string, Slot>();
  for (const [key, entry] of Object.entries(tableOf(extension))) {
    for (const option of Array.isArray(entry) ? entry : [entry]) {
      for (const name of option.names) slots.set(name, { key, option });
    }
  }
  return slots;
}

/** Options of every rule, by their long names. What they do stands in rule.ts. */
export const GENERAL: ReadonlyMap<string, string> = new Map([
  ['--source', '-s'],
  ['--src', '-s'],
  ['--destination', '-d'],
  ['--dst', '-d'],
  ['--in-interface', '-i'],
  ['--out-interface', '-o'],
  ['--protocol', '-p'],
  ['--fragments', '-f'],
  ['--match', '-m'],
  ['--jump', '-j'],
  ['--goto', '-g'],
  ['--set-counters', '-c'],
  ['--ipv4', '-4'],
  ['--ipv6', '-6'],
]);

/** Long options of iptables that no rule has, but that make a shortened name ambiguous: `--in` may be `--insert`. */
export const ELSEWHERE: readonly string[] = (
  'append delete check insert replace list list-rules flush zero new-chain delete-chain rename-chain policy table numeric ' +
  'verbose wait wait-interval exact version help line-numbers modprobe'
)
  .split(' ')
  .map((name) => `--${name}`);

/** The match that an option of its own loads without `-m`, by the rule's protocol. */
export function impliedMatch(protocol: number | undefined, family: 'ipv4' | 'ipv6'): string | undefined {
  switch (protocol) {
    case 6:
      return 'tcp';
    case 17:
      return 'udp';
    case 1:
      return family === 'ipv4' ? 'icmp' : undefined;
    case 58:
      return family === 'ipv6' ? 'icmp6' : undefined;
    case 33:
      return 'dccp';
    case 50:
      return 'esp';
    case 51:
      return 'ah';
    case 132:
      return 'sctp';
    case 135:
      return family === 'ipv6' ? 'mh' : undefined;
    default:
      return undefined;
  }
}

/** The known matches and targets that have an option of exactly this name. */
export function ownersOf(option: string): readonly Spelling[] {
  const owners: Spelling[] = [];
  for (const { name } of allMatches) {
    const spelling = matchSpelling(name);
    if (spelling?.slots.has(option)) owners.push(spelling);
  }
  for (const { name } of allTargets) {
    const spelling = targetSpelling(name);
    if (spelling?.slots.has(option)) owners.push(spelling);
  }
  // The shorter name is the commoner one: MARK before CONNMARK.
  return owners.sort((a, b) => a.extension.name.length - b.extension.name.length);
}

/** The nearest of the names, when one is near enough to be what was meant: at most `most` slips away. */
export function nearest(word: string, names: Iterable<string>, most = 3): string | undefined {
  if (word.length > 40) return undefined;
  let best: string | undefined;
  let least = Math.min(most, Math.floor(word.length / 3) + 1);
  for (const name of names) {
    if (Math.abs(name.length - word.length) > least) continue;
    const distance = editDistance(word, name, least);
    if (distance < least || (distance === least && best === undefined)) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/** The known extension of which a name is one slip away, if any. */
export const misspelt = (name: string, known: readonly { readonly name: string }[]): string | undefined =>
  nearest(
    name,
    known.map((extension) => extension.name),
    1,
  );

/** How many letters have to be changed, added, taken away or swapped with a neighbour; any number above `most` where it is more. */
function editDistance(from: string, to: string, most: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    if (Math.min(...current) > most && Math.min(...last) >= most) return most + 1;
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
