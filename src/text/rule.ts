import type { Family, Prefix } from '../address/index.ts';
import {
  allMatches,
  allTargets,
  BUILT_IN,
  type Header,
  type HookName,
  isBuiltIn,
  type MatchUse,
  type Negatable,
  type OpaqueUse,
  type Places,
  protocolName,
  type Rule,
  type TableName,
  type TargetUse,
} from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { FOREIGN_MATCHES, FOREIGN_TARGETS } from './foreign.ts';
import { holdsAll, readInterface, readPrefixes, readProtocol } from './header.ts';
import {
  ELSEWHERE,
  GENERAL,
  impliedMatch,
  matchSpelling,
  nearest,
  ownersOf,
  type Slot,
  type Spelling,
  targetSpelling,
} from './spelling.ts';
import { type Cursor, nextWord } from './words.ts';

/** Where a rule stands while it is read. */
export interface Scope {
  readonly family: Family;
  readonly table: TableName;
  /** The rule's own chain, when it is known. */
  chain: string | undefined;
  /** Whether the table has a user chain of that name; undefined when chains are not known at all. */
  hasChain: ((name: string) => boolean) | undefined;
  /** A jump to a chain that is not declared, yet: told to the caller, who knows at the table's end. */
  onUndeclared?(chain: string, at: number, length: number): void;
  /** An extension that only some hooks may hold, told to the caller: a user chain is reached from several. */
  onHooks?(name: string, hooks: readonly HookName[], at: number, length: number): void;
}

/** One use of an extension while its options are read. */
interface Use {
  readonly spelling: Spelling;
  readonly options: Record<string, unknown>;
  readonly at: number;
  readonly length: number;
}

/** A rule while it is read. */
interface Draft {
  readonly scope: Scope;
  readonly header: { -readonly [Key in keyof Header]: Header[Key] };
  /** Set where `-s` or `-d` names several addresses: one rule for each. */
  sources: readonly Prefix[] | undefined;
  destinations: readonly Prefix[] | undefined;
  /** Where such a list stands. */
  listed: { readonly at: number; readonly length: number } | undefined;
  readonly matches: (Use | OpaqueUse)[];
  /** All uses with options, the target too, in the order in which they were named. */
  readonly loaded: Use[];
  target: Use | OpaqueUse | { readonly kind: 'jump' | 'goto'; readonly chain: string } | undefined;
  /** Where a target stands that is neither known nor a declared chain: it may yet turn out to be an extension. */
  undeclared: { readonly at: number; readonly length: number } | undefined;
  counters: { readonly packets: bigint; readonly bytes: bigint } | undefined;
  /** `-4` or `-6` asks for the other family: the rule is none of this rule set's. */
  otherFamily: boolean;
}

/**
 * Reads the words after `-A CHAIN`. Appends the rule to `rules`; several where `-s` or `-d` lists addresses, none where
 * `-4` or `-6` asks for the other family. Throws a Fault.
 */
export function readRule(cursor: Cursor, scope: Scope, line: number | undefined, rules: Rule[]): void {
  const draft: Draft = {
    scope,
    header: {},
    sources: undefined,
    destinations: undefined,
    listed: undefined,
    matches: [],
    loaded: [],
    target: undefined,
    undeclared: undefined,
    counters: undefined,
    otherFamily: false,
  };
  let negated = false;
  let bang = 0;
  while (nextWord(cursor)) {
    const { word } = cursor;
    if (word === '!') {
      bang = cursor.start;
      if (negated) throw fault(cursor, 'two ! in a row', 'One ! turns the next option round.');
      negated = true;
      continue;
    }
    if (word.length === 2 && word.charCodeAt(0) === 45) readGeneral(draft, cursor, word, negated);
    else readLong(draft, cursor, word, negated);
    negated = false;
  }
  if (negated) throw new Fault(bang, 1, 'a ! with nothing after it', BANG);
  if (!draft.otherFamily) finish(draft, line, rules);
}

const BANG = 'A ! stands before the option that it turns round.';

const fault = ({ start, stop }: Cursor, message: string, hint = ''): Fault =>
  new Fault(start, stop - start, message, hint);

/** Moves on to the value of an option. */
function needValue(cursor: Cursor, option: string, expected: string): void {
  const { start, stop } = cursor;
  if (!nextWord(cursor))
    throw new Fault(start, stop - start, `${option} needs a value`, `Expected ${expected} after it.`);
}

function readGeneral(draft: Draft, cursor: Cursor, option: string, negated: boolean): void {
  const { header, scope } = draft;
  switch (option) {
    case '-s':
    case '-d': {
      const side = option === '-s' ? 'source' : 'destination';
      onlyOnce(cursor, option, header[side]);
      needValue(cursor, option, 'an address');
      const prefixes = readPrefixes(cursor, scope.family);
      if (prefixes.length > 1) {
        draft.listed = { at: cursor.start, length: cursor.stop - cursor.start };
        if (side === 'source') draft.sources = prefixes;
        else draft.destinations = prefixes;
      }
      header[side] = { value: prefixes[0]!, negated };
      return;
    }
    case '-i':
    case '-o': {
      const side = option === '-i' ? 'in' : 'out';
      onlyOnce(cursor, option, header[side]);
      needValue(cursor, option, 'the name of an interface');
      header[side] = { value: readInterface(cursor, option, scope), negated };
      return;
    }
    case '-p':
      onlyOnce(cursor, option, header.protocol);
      needValue(cursor, option, 'a protocol');
      header.protocol = { value: readProtocol(cursor, negated), negated };
      return;
    case '-f':
      if (scope.family === 'ipv6')
        throw fault(cursor, '-f is for IPv4 only', 'In IPv6 fragments are matched by -m frag.');
      onlyOnce(cursor, option, header.fragment);
      header.fragment = { value: true, negated };
      return;
    case '-m':
      notNegated(cursor, option, negated);
      readMatch(draft, cursor);
      return;
    case '-j':
    case '-g':
      notNegated(cursor, option, negated);
      readTarget(draft, cursor, option);
      return;
    case '-c':
      notNegated(cursor, option, negated);
      draft.counters = readCounters(cursor);
      return;
    case '-4':
    case '-6':
      notNegated(cursor, option, negated);
      if ((option === '-4') !== (scope.family === 'ipv4')) draft.otherFamily = true;
      return;
    case '-t':
      throw fault(cursor, 'a rule cannot name its table', 'Tables begin with a line like *nat.');
    default:
      throw unknownOption(draft, cursor, option);
  }
}

function onlyOnce(cursor: Cursor, option: string, before: unknown): void {
  if (before !== undefined) throw fault(cursor, `${option} stands twice`, 'A rule has each option once.');
}

function notNegated(cursor: Cursor, option: string, negated: boolean): void {
  if (negated)
    throw fault(
      cursor,
      `${option} cannot be turned round by a !`,
      'The ! stands before an option of the match or header that it negates.',
    );
}

function readCounters(cursor: Cursor): { packets: bigint; bytes: bigint } {
  const counts: bigint[] = [];
  for (let index = 0; index < 2; index += 1) {
    needValue(cursor, '-c', 'the packets and the bytes counted so far');
    if (!/^\d{1,20}$/.test(cursor.word))
      throw fault(cursor, `${cursor.word} is not a number`, '-c takes the packets and the bytes counted so far.');
    counts.push(BigInt(cursor.word));
  }
  return { packets: counts[0]!, bytes: counts[1]! };
}

function readMatch(draft: Draft, cursor: Cursor): void {
  needValue(cursor, '-m', 'the name of a match');
  const { word, start, stop } = cursor;
  if (!/^[A-Za-z0-9_.-]{1,28}$/.test(word))
    throw fault(cursor, 'this is no name of a match', 'Expected a name like tcp or conntrack.');
  const spelling = matchSpelling(word);
  if (spelling) {
    load(draft, spelling, start, stop - start);
    return;
  }
  const meant = FOREIGN_MATCHES.has(word) ? undefined : misspelt(word, allMatches);
  if (meant !== undefined) throw fault(cursor, `unknown match ${word}`, `Did you mean ${meant}?`);
  draft.matches.push({ kind: 'opaque', name: word, words: opaqueWords(cursor) });
}

/** The known extension of which a name is one slip away, if any. */
const misspelt = (name: string, known: readonly { readonly name: string }[]): string | undefined =>
  nearest(
    name,
    known.map((extension) => extension.name),
    1,
  );

function load(draft: Draft, spelling: Spelling, at: number, length: number): Use {
  const use: Use = { spelling, options: {}, at, length };
  const families = placesOf(use)?.families;
  if (families && !families.includes(draft.scope.family))
    throw new Fault(
      at,
      length,
      `${spelling.extension.name} is for ${families[0] === 'ipv4' ? 'IPv4' : 'IPv6'} only`,
      'Is this the text of the other family?',
    );
  if (spelling.kind === 'match') draft.matches.push(use);
  draft.loaded.push(use);
  return use;
}

/** The words of an extension that Sidestep does not know: all up to the next option that every rule may have. */
function opaqueWords(cursor: Cursor): string[] {
  const words: string[] = [];
  for (;;) {
    const before = cursor.at;
    if (!nextWord(cursor)) return words;
    if (!cursor.quoted) {
      const { start, stop } = cursor;
      const bang = cursor.word === '!';
      if (bang && !nextWord(cursor)) throw new Fault(start, stop - start, 'a ! with nothing after it', BANG);
      if (ENDS_OPAQUE.has(cursor.word)) {
        cursor.at = before;
        return words;
      }
      if (bang) words.push('!');
    }
    words.push(cursor.text.slice(cursor.start, cursor.stop));
  }
}

const ENDS_OPAQUE: ReadonlySet<string> = new Set([
  '-m',
  '-j',
  '-g',
  '-s',
  '-d',
  '-i',
  '-o',
  '-p',
  '-f',
  '-c',
  ...GENERAL.keys(),
]);

function readTarget(draft: Draft, cursor: Cursor, option: '-j' | '-g'): void {
  if (draft.target) throw fault(cursor, 'a second target', 'A rule has one -j or -g.');
  needValue(cursor, option, 'a target or a chain');
  const { word, start, stop } = cursor;
  const { scope } = draft;
  const spelling = targetSpelling(word);
  if (spelling && option === '-j') {
    draft.target = load(draft, spelling, start, stop - start);
    return;
  }
  const problem = chainNameProblem(word);
  if (problem) throw fault(cursor, problem, 'Expected a target or the name of a chain.');
  if (isBuiltIn(scope.table, word))
    throw fault(
      cursor,
      `a rule cannot jump to ${word}`,
      'The kernel itself enters a built-in chain; only user chains can be jumped to.',
    );
  if (option === '-j' && FOREIGN_TARGETS.has(word)) {
    draft.target = { kind: 'opaque', name: word, words: opaqueWords(cursor) };
    return;
  }
  draft.target = { kind: option === '-j' ? 'jump' : 'goto', chain: word };
  if (scope.hasChain && !scope.hasChain(word)) draft.undeclared = { at: start, length: stop - start };
  else if (!scope.hasChain && option === '-j') draft.undeclared = { at: start, length: stop - start };
}

/** What is wrong with a name for a chain, or undefined. Source: assert_valid_chain_name in iptables' xshared.c. */
export function chainNameProblem(name: string): string | undefined {
  if (name === '') return 'an empty name';
  if (name.startsWith('-') || name.startsWith('!')) return `a chain’s name does not begin with ${name.charAt(0)}`;
  if (name.length > 28) return 'a chain’s name has 28 characters at most';
  return /[\s"]/.test(name) ? 'a chain’s name holds no blank and no quote' : undefined;
}

function readLong(draft: Draft, cursor: Cursor, word: string, negated: boolean): void {
  for (let index = draft.loaded.length - 1; index >= 0; index -= 1) {
    const use = draft.loaded[index]!;
    const slot = use.spelling.slots.get(word);
    if (slot) {
      readOption(draft, cursor, use, slot, word, negated);
      return;
    }
  }
  const general = GENERAL.get(word);
  if (general) {
    readGeneral(draft, cursor, general, negated);
    return;
  }
  if (!word.startsWith('--') || word.length < 3) throw notAnOption(cursor, word);
  readUnusual(draft, cursor, word, negated);
}

function notAnOption(cursor: Cursor, word: string): Fault {
  const hint = word.startsWith('-')
    ? 'A value is a word of its own, with a blank before it.'
    : 'Expected an option, which begins with a dash. Texts that hold blanks stand in quotes.';
  return fault(cursor, `${word === '' ? 'an empty word' : word} is not an option`, hint);
}

/** Spellings that iptables-save never writes: `--dport=80`, a shortened name, an option without its `-m`. */
function readUnusual(draft: Draft, cursor: Cursor, word: string, negated: boolean): void {
  const equals = word.indexOf('=');
  if (equals > 2) {
    // The value becomes the next word.
    cursor.at = cursor.start + equals + 1;
    cursor.stop = cursor.start + equals;
    readLong(draft, cursor, word.slice(0, equals), negated);
    return;
  }
  const { start, stop } = cursor;
  const meant = shortened(draft, word, cursor);
  if (meant) {
    readLong(draft, cursor, meant, negated);
    return;
  }
  if (loadImplied(draft, word, start, stop - start)) {
    readLong(draft, cursor, word, negated);
    return;
  }
  const { protocol } = draft.header;
  const implied = protocol && !protocol.negated ? impliedMatch(protocol.value, draft.scope.family) : undefined;
  if (implied && !matchSpelling(implied)) {
    cursor.at = negated ? cursor.text.lastIndexOf('!', start) : start;
    draft.matches.push({ kind: 'opaque', name: implied, words: opaqueWords(cursor) });
    return;
  }
  if (draft.undeclared && draft.target && 'chain' in draft.target && draft.target.kind === 'jump') {
    const { chain: name } = draft.target;
    const known = misspelt(name, allTargets);
    if (known !== undefined) {
      const { at, length } = draft.undeclared;
      throw new Fault(at, length, `unknown target ${name}`, `Did you mean ${known}?`);
    }
    cursor.at = negated ? cursor.text.lastIndexOf('!', start) : start;
    draft.target = { kind: 'opaque', name, words: opaqueWords(cursor) };
    draft.undeclared = undefined;
    return;
  }
  throw unknownOption(draft, cursor, word);
}

/** The one option whose name begins with the word; a Fault where several do. */
function shortened(draft: Draft, word: string, cursor: Cursor): string | undefined {
  const found = new Map<unknown, string>();
  for (const [name, option] of GENERAL) if (name.startsWith(word)) found.set(option, name);
  for (const { spelling } of draft.loaded)
    for (const [name, slot] of spelling.slots) if (name.startsWith(word)) found.set(slot.option, name);
  if (found.size === 1) for (const name of ELSEWHERE) if (name.startsWith(word)) found.set(name, name);
  if (found.size > 1) throw fault(cursor, `${word} is ambiguous`, `It may be ${[...found.values()].join(' or ')}.`);
  return [...found.values()][0];
}

/** The match that the rule's protocol stands for, when Sidestep knows it. */
function impliedBy({ header: { protocol }, scope }: Draft): Spelling | undefined {
  const name = protocol && !protocol.negated ? impliedMatch(protocol.value, scope.family) : undefined;
  return name === undefined ? undefined : matchSpelling(name);
}

/** Loads the match of the rule's protocol when it has an option that begins so. */
function loadImplied(draft: Draft, word: string, at: number, length: number): boolean {
  const spelling = impliedBy(draft);
  if (!spelling || draft.loaded.some((use) => use.spelling === spelling)) return false;
  if (![...spelling.slots.keys()].some((known) => known.startsWith(word))) return false;
  load(draft, spelling, at, length);
  return true;
}

function readOption(
  draft: Draft,
  cursor: Cursor,
  use: Use,
  { key, option }: Slot,
  name: string,
  negated: boolean,
): void {
  if (negated && !option.negatable)
    throw fault(
      cursor,
      `${name} cannot be turned round by a !`,
      `${use.spelling.extension.name} has no opposite of it.`,
    );
  if (use.options[key] !== undefined) throw twice(cursor, use, name);
  const words: string[] = [];
  let from = cursor.start;
  for (let count = 0; count < option.arity; count += 1) {
    needValue(cursor, name, option.expected);
    if (count === 0) from = cursor.start;
    words.push(cursor.word);
  }
  const value = option.read(words, negated, draft.scope.family);
  if (value === undefined)
    throw new Fault(
      from,
      cursor.stop - from,
      `${words.join(' ') || '""'} is not what ${name} takes`,
      words[0] === '!' ? `The ! stands before the option: ! ${name} …` : `Expected ${option.expected}.`,
    );
  use.options[key] = value;
}

function twice(cursor: Cursor, use: Use, name: string): Fault {
  const { name: owner } = use.spelling.extension;
  return cursor.text.slice(use.at, cursor.start).includes(` ${name} `)
    ? fault(
        cursor,
        `${name} stands twice`,
        `Once for each ${use.spelling.kind === 'match' ? `-m ${owner}` : `-j ${owner}`}.`,
      )
    : fault(cursor, `${name} stands beside another spelling of the same`, `${owner} takes one of them.`);
}

/** Names the extensions that have such an option, and the nearest option of those that are loaded. */
function unknownOption(draft: Draft, cursor: Cursor, word: string): Fault {
  const hints: string[] = [];
  const given = cursor.text.slice(cursor.stop, cursor.end).trimStart().split(/[ \t]/, 1)[0] ?? '';
  const example = given === '' || given.startsWith('-') ? '' : ` ${given}`;
  const owners = ownersOf(word);
  for (const { kind, extension, slots } of owners.slice(0, 2)) {
    const { name, protocols = [] } = extension;
    const implied = protocols.length === 1 ? `-p ${protocolName(protocols[0]!)}` : `-m ${name}`;
    const option = `${word}${slots.get(word)?.option.arity ? example : ''}`;
    const use = `${kind === 'match' ? implied : `-j ${name}`} ${option}`;
    hints.push(`${word} belongs to the ${kind} ${name}: ${use}`);
  }
  const near = nearestLoaded(draft, word);
  if (near && owners.length > 0) hints.push(`With ${near.owner} it is ${near.name}, which takes ${near.expected}.`);
  else if (near) hints.push(`Did you mean ${near.name}? It takes ${near.expected}.`);
  if (hints.length === 0) hints.push(notLoaded(draft));
  return fault(cursor, `unknown option ${word}`, hints.join('\n'));
}

function nearestLoaded(draft: Draft, word: string): { owner: string; name: string; expected: string } | undefined {
  const loaded = draft.loaded.map(({ spelling }) => spelling).toReversed();
  const implied = impliedBy(draft);
  if (implied && !loaded.includes(implied)) loaded.push(implied);
  for (const spelling of loaded) {
    const name = nearest(word, spelling.slots.keys());
    const slot = name === undefined ? undefined : spelling.slots.get(name);
    if (name !== undefined && slot) return { owner: spelling.extension.name, name, expected: slot.option.expected };
  }
  return undefined;
}

function notLoaded(draft: Draft): string {
  const names = draft.loaded.map(({ spelling }) => spelling.extension.name);
  if (names.length > 0) return `Neither a rule itself nor ${names.join(', ')} has it.`;
  return 'No match or target that has it is named before it: -m NAME stands before the options of a match.';
}

const placesOf = ({ spelling, options }: Use): Places | undefined => {
  const { places } = spelling.extension;
  return typeof places === 'function' ? places(options) : places;
};

/** Checks each use, completes its options, and builds the rule. */
function finish(draft: Draft, line: number | undefined, rules: Rule[]): void {
  const { header, scope } = draft;
  if (draft.listed && (header.source?.negated || header.destination?.negated))
    throw new Fault(
      draft.listed.at,
      draft.listed.length,
      'several addresses in a rule with a ! before -s or -d',
      'Several addresses make several rules, of which one would match what another is to leave out: write them one by one.',
    );
  if (header.protocol?.value === 0) delete header.protocol;
  if (header.in?.value === '+' && !header.in.negated) delete header.in;
  if (header.out?.value === '+' && !header.out.negated) delete header.out;
  const matches: (MatchUse | OpaqueUse)[] = [];
  for (const use of draft.matches) matches.push('kind' in use ? use : known(draft, use));
  const { undeclared } = draft;
  let target: TargetUse | undefined;
  if (draft.target) target = 'kind' in draft.target ? draft.target : known(draft, draft.target);
  if (undeclared && target && 'chain' in target) scope.onUndeclared?.(target.chain, undeclared.at, undeclared.length);
  for (const source of draft.sources ?? [header.source?.value]) {
    for (const destination of draft.destinations ?? [header.destination?.value]) {
      rules.push(build(header, source, destination, matches, target, draft.counters, line));
    }
  }
}

function build(
  given: Header,
  source: Prefix | undefined,
  destination: Prefix | undefined,
  matches: Rule['matches'],
  target: TargetUse | undefined,
  counters: Rule['counters'] | undefined,
  line: number | undefined,
): Rule {
  const header: { -readonly [Key in keyof Header]: Header[Key] } = given;
  const kept = keptPrefix(given.source, source);
  const keptDestination = keptPrefix(given.destination, destination);
  const own = kept === given.source && keptDestination === given.destination;
  const rule: { -readonly [Key in keyof Rule]: Rule[Key] } = {
    header: own ? header : withPrefixes(given, kept, keptDestination),
    matches,
  };
  if (target) rule.target = target;
  if (counters) rule.counters = counters;
  if (line !== undefined) rule.origin = { line };
  return rule;
}

/** The prefix as the kernel keeps it: none where it holds every address. */
function keptPrefix(given: Negatable<Prefix> | undefined, prefix: Prefix | undefined): Negatable<Prefix> | undefined {
  if (!given || !prefix) return undefined;
  if (holdsAll(prefix) && !given.negated) return undefined;
  return prefix === given.value ? given : { value: prefix, negated: false };
}

function withPrefixes(
  given: Header,
  source: Header['source'] | undefined,
  destination: Header['destination'] | undefined,
): Header {
  const { source: _source, destination: _destination, ...rest } = given;
  return { ...(source ? { source } : {}), ...(destination ? { destination } : {}), ...rest };
}

function known(draft: Draft, use: Use): MatchUse {
  const { spelling, options, at, length } = use;
  const { extension } = spelling;
  const { family, table } = draft.scope;
  const { name } = extension;
  const asked = draft.header.protocol;
  const protocol = asked && !asked.negated ? asked.value : undefined;
  if (extension.protocols && (protocol === undefined || !extension.protocols.includes(protocol)))
    throw new Fault(
      at,
      length,
      `${name} needs ${protocolsIn(extension.protocols)}`,
      asked ? 'The rule asks for another protocol.' : 'The rule asks for no protocol, or for all.',
    );
  for (const key of extension.required ?? [])
    if (options[key] === undefined)
      throw new Fault(at, length, `${name} needs ${optionFor(spelling, key)}`, `Without it ${name} means nothing.`);
  const problem = extension.refuse?.(options, { family, protocol });
  if (problem) throw new Fault(at, length, problem, 'The kernel’s tools refuse it too.');
  checkPlaces(draft, use, table);
  return { kind: 'known', name, options: extension.complete?.(options, family) ?? options };
}

const protocolsIn = (protocols: readonly number[]): string => {
  const names = protocols.map((protocol) => `-p ${PROTOCOL_WORDS.get(protocol) ?? protocol}`);
  return names.length > 2 ? `${names[0]}, ${names[1]} or another protocol with ports` : names.join(' or ');
};

const PROTOCOL_WORDS: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'ipv6-icmp'],
]);

function optionFor({ slots }: Spelling, key: string): string {
  for (const [name, slot] of slots) if (slot.key === key) return name;
  return key;
}

function checkPlaces({ scope }: Draft, use: Use, table: TableName): void {
  const places = placesOf(use);
  if (!places) return;
  const { at, length, spelling } = use;
  const { name } = spelling.extension;
  if (places.tables && !places.tables.includes(table))
    throw new Fault(
      at,
      length,
      `${name} cannot stand in the table ${table}`,
      table === 'nat' && name === 'DROP'
        ? 'The nat table sees a connection’s first packet only: drop it in filter, mangle or raw.'
        : `It belongs to ${places.tables.join(', ')}.`,
    );
  const { hooks } = places;
  if (!hooks) return;
  const { chain } = scope;
  if (chain !== undefined && isBuiltIn(table, chain)) {
    if (!(hooks as readonly string[]).includes(chain))
      throw new Fault(
        at,
        length,
        `${name} cannot stand in ${chain}`,
        `The kernel takes it in ${hooks.filter((hook) => BUILT_IN[table].includes(hook)).join(', ')}, and in chains that only these jump to.`,
      );
  } else scope.onHooks?.(name, hooks, at, length);
}
