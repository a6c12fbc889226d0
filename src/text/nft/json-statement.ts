import type { NftChain, NftExpression, NftLimit, NftStatement } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { given } from '../given.ts';
import { field, flag, list, number, oneOf, oneOrList, only, type Part, required, text, wide } from '../json.ts';
import { hasOnly, readVerdict } from './json-element.ts';
import { opaque, readExpression, readOperand, wordsOf } from './json-expression.ts';
import { type Complaints, readBlocksInto } from './read-chain.ts';
import { defaultReject } from './read-reject.ts';
import { readStatement as readText } from './read-statement.ts';
import { peek, scannerOver } from './tokens.ts';
import { xtReason } from './xt.ts';

const FAMILIES = ['ip', 'ip6'] as const;
const COMPARISONS = ['==', '!=', '<', '>', '<=', '>=', 'in', '!'] as const;
const REJECTS = ['tcp reset', 'icmp', 'icmpv6', 'icmpx'] as const;

/** Reads a statement of a rule in a table of that family. One of a kind that is not known stays as it is. */
export function readStatement(part: Part, table: string, chains?: NftChain[]): NftStatement {
  if (typeof part.value === 'string') return readWords(part.value, table, chains);
  const { name, inside } = only(part);
  const verdict = readVerdict(part);
  if (verdict) return verdict;
  if (name === 'xt') return readXt(inside, table);
  const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  return read ? read(inside, table) : opaque(part);
}

const NO_COMPLAINTS: Complaints = {
  complain(fault) {
    throw fault;
  },
  complainAt() {},
  lineOf: () => 1,
};

/** A statement of which nft has no JSON stands there as text (1.0.6: those that add to a map). */
function readWords(words: string, table: string, chains: NftChain[] | undefined): NftStatement {
  const scanner = scannerOver(words);
  try {
    if (chains) readBlocksInto(scanner, table, chains, NO_COMPLAINTS);
    const statement = readText(scanner, table);
    if (peek(scanner).kind === 'end') return statement;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
  return { kind: 'opaque', words, because: 'nothing is known of it' };
}

function readXt(part: Part, table: string): NftStatement {
  if (typeof part.value !== 'object' || part.value === null) {
    return { kind: 'opaque', words: wordsOf(part), because: xtReason(table) };
  }
  const name = text(required(part, 'name'));
  const type = oneOf(required(part, 'type'), ['match', 'target', 'watcher']);
  return { kind: 'xt', type, name, because: xtReason(table) };
}

/** Nothing, or an object: a statement that may stand without anything is null in JSON. */
const within = <T>(part: Part, name: string, read: (part: Part) => T): T | undefined => {
  const found = part.value === null ? undefined : field(part, name);
  return found && read(found);
};
const expression = (part: Part, name: string) => within(part, name, readExpression);
const flags = (part: Part, name = 'flags'): string[] => within(part, name, (found) => oneOrList(found, text)) ?? [];
const family = (part: Part) =>
  given(
    'family',
    within(part, 'family', (found) => oneOf(found, FAMILIES)),
  );
const over = (part: Part): boolean => within(part, 'inv', flag) ?? false;

const nat =
  (kind: 'snat' | 'dnat' | 'masquerade' | 'redirect') =>
  (part: Part): NftStatement => ({
    kind,
    ...family(part),
    ...given('address', expression(part, 'addr')),
    ...given('port', expression(part, 'port')),
    // 1.0.6 tells the same in both places.
    flags: flags(part).filter((one) => one !== 'netmap'),
    typeFlags: flags(part, 'type_flags'),
  });

const named =
  (kind: 'ct helper' | 'ct timeout' | 'ct expectation') =>
  (part: Part): NftStatement => ({ kind, name: readExpression(part) });

/** The name of an object, or an expression that leads to one; undefined where the statement has its own values. */
function reference(part: Part): NftExpression | undefined {
  return typeof part.value === 'string' || hasOnly(part, 'map') ? readExpression(part) : undefined;
}

const setName = (part: Part): string => text(part).replace(/^@/, '');

const READERS: Readonly<Record<string, (part: Part, table: string) => NftStatement>> = {
  match: (part) => {
    const left = readExpression(required(part, 'left'));
    return {
      kind: 'match',
      operator: oneOf(required(part, 'op'), COMPARISONS),
      left,
      right: readOperand(required(part, 'right'), left),
    };
  },
  vmap: (part) => ({
    kind: 'vmap',
    key: readExpression(required(part, 'key')),
    data: readExpression(required(part, 'data')),
  }),
  counter: (part) => {
    const name = reference(part);
    if (name) return { kind: 'counter-reference', name };
    return { kind: 'counter', packets: within(part, 'packets', wide) ?? 0n, bytes: within(part, 'bytes', wide) ?? 0n };
  },
  limit: (part) => {
    const name = reference(part);
    return name ? { kind: 'limit-reference', name } : { kind: 'limit', ...readLimit(part) };
  },
  quota: (part) => {
    const name = reference(part);
    if (name) return { kind: 'quota-reference', name };
    return {
      kind: 'quota',
      bytes: scaled(wide(required(part, 'val')), within(part, 'val_unit', text)),
      used: scaled(within(part, 'used', wide) ?? 0n, within(part, 'used_unit', text)),
      over: over(part),
    };
  },
  'ct count': (part) => ({ kind: 'connection-limit', count: number(required(part, 'val')), over: over(part) }),
  last: (part) => ({
    kind: 'last',
    ...given(
      'used',
      within(part, 'used', (found) => String(wide(found))),
    ),
  }),
  log: (part) => ({
    kind: 'log',
    ...given('prefix', within(part, 'prefix', text)),
    ...given('level', within(part, 'level', text)),
    ...given('group', within(part, 'group', number)),
    ...given('snaplen', within(part, 'snaplen', number)),
    ...given('queueThreshold', within(part, 'queue-threshold', number)),
    flags: flags(part),
  }),
  reject: (part, table) => {
    const type = within(part, 'type', (found) => oneOf(found, REJECTS));
    if (type !== undefined) return { kind: 'reject', type, ...given('code', expression(part, 'expr')) };
    return { kind: 'reject', type: defaultReject(table), code: { kind: 'value', value: 'port-unreachable' } };
  },
  mangle: (part) => {
    const key = readExpression(required(part, 'key'));
    return { kind: 'mangle', key, value: readOperand(required(part, 'value'), key) };
  },
  snat: nat('snat'),
  dnat: nat('dnat'),
  masquerade: nat('masquerade'),
  redirect: nat('redirect'),
  tproxy: (part) => ({
    kind: 'tproxy',
    ...family(part),
    ...given('address', expression(part, 'addr')),
    ...given('port', expression(part, 'port')),
  }),
  notrack: () => ({ kind: 'notrack' }),
  'ct helper': named('ct helper'),
  'ct timeout': named('ct timeout'),
  'ct expectation': named('ct expectation'),
  set: (part, table) => readSetStatement(part, table, 'set'),
  map: (part, table) => readSetStatement(part, table, 'map'),
  meter: (part, table) => ({
    kind: 'meter',
    name: text(required(part, 'name')),
    ...given('size', within(part, 'size', number)),
    ...keyOf(required(part, 'key')),
    statement: readStatement(required(part, 'stmt'), table),
  }),
  queue: (part) => ({ kind: 'queue', ...given('number', expression(part, 'num')), flags: flags(part) }),
  dup: (part) => ({
    kind: 'dup',
    ...given('address', expression(part, 'addr')),
    ...given('device', expression(part, 'dev')),
  }),
  fwd: (part) => ({
    kind: 'fwd',
    device: readExpression(required(part, 'dev')),
    ...family(part),
    ...given('address', expression(part, 'addr')),
  }),
  flow: (part) => ({ kind: 'flow', flowtable: setName(required(part, 'flowtable')) }),
  synproxy: (part) => {
    const name = part.value === null ? undefined : reference(part);
    return {
      kind: 'synproxy',
      ...given('name', name),
      ...(name
        ? { flags: [] }
        : {
            ...given('mss', within(part, 'mss', number)),
            ...given('wscale', within(part, 'wscale', number)),
            flags: flags(part),
          }),
    };
  },
  reset: (part) => ({ kind: 'reset', option: readExpression(part) }),
};

/** A key with its timeout, if it has one of its own. */
function keyOf(part: Part): { readonly key: NftExpression; readonly timeout?: number } {
  const inside = hasOnly(part, 'elem');
  if (!inside) return { key: readExpression(part) };
  return { key: readExpression(required(inside, 'val')), ...given('timeout', within(inside, 'timeout', number)) };
}

function readSetStatement(part: Part, table: string, kind: 'set' | 'map'): NftStatement {
  return {
    kind: 'set',
    operation: oneOf(required(part, 'op'), ['add', 'update', 'delete']),
    set: setName(required(part, kind)),
    ...keyOf(required(part, 'elem')),
    ...given('data', expression(part, 'data')),
    statements: within(part, 'stmt', (found) => list(found, (one) => readStatement(one, table))) ?? [],
  };
}

/** Reads a limit's values, as a statement or as an object of its own. */
export function readLimit(part: Part): NftLimit {
  const unit = within(part, 'rate_unit', text) ?? 'packets';
  const byPackets = unit === 'packets';
  return {
    rate: number(required(part, 'rate')),
    unit,
    per: within(part, 'per', text) ?? 'second',
    burst: within(part, 'burst', number) ?? (byPackets ? 5 : 0),
    burstUnit: byPackets ? 'packets' : (within(part, 'burst_unit', text) ?? 'bytes'),
    over: over(part),
  };
}

const UNITS: Readonly<Record<string, bigint>> = { bytes: 1n, kbytes: 1n << 10n, mbytes: 1n << 20n };

const scaled = (value: bigint, unit = 'bytes'): bigint => value * (UNITS[unit] ?? 1n);

/** What an element has beside its key: `"counter": { … }`, `"limit": { … }`. */
export function elementStatements(part: Part): NftStatement[] | undefined {
  const found: NftStatement[] = [];
  for (const name of ['counter', 'limit', 'quota', 'last', 'ct count']) {
    const inside = field(part, name);
    const read = READERS[name];
    if (inside && read) found.push(read(inside, ''));
  }
  return found.length > 0 ? found : undefined;
}
