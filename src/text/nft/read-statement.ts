import type { NftComparison, NftExpression, NftStatement } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { asList } from './bits.ts';
import { isBits } from './datatype.ts';
import { readAbout, readSetOrName, readVerdict } from './read-elements.ts';
import { readConstants, readSource, readSubject, typesOf } from './read-expression.ts';
import { LEAD_WORDS, startsLead } from './read-lead.ts';
import { readLog } from './read-log.ts';
import { readNat, readTproxy } from './read-nat.ts';
import { readReject } from './read-reject.ts';
import { readStateful } from './read-stateful.ts';
import {
  expect,
  expectName,
  expectNumber,
  expectWord,
  isNext,
  peek,
  peekSecond,
  readWords,
  type Scanner,
  skipStatement,
  take,
  takeIf,
  unexpected,
} from './tokens.ts';
import { readJsonWords, Unknown, unknownWord } from './unknown.ts';
import { xtReason } from './xt.ts';

/** Reads one statement of a rule in a table of that family. What is not known is kept up to the end of the rule. */
export function readStatement(scanner: Scanner, family: string): NftStatement {
  const { at } = peek(scanner);
  scanner.depth = 0;
  try {
    return readKnown(scanner, family);
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
    scanner.inKey = false;
    skipStatement(scanner, at);
    const words = scanner.text.slice(at, peek(scanner).at).trimEnd();
    return { kind: 'opaque', words, because: error.message };
  }
}

function readKnown(scanner: Scanner, family: string): NftStatement {
  const { kind, text, at } = peek(scanner);
  if (kind === 'mark' && scanner.text.startsWith('{"', at)) return readJsonWords(scanner);
  if (kind === 'comment') return readOldXt(scanner, family);
  const block = readBlock(scanner);
  if (block) return block;
  const simple = readVerdict(scanner) ?? readStateful(scanner);
  if (simple) return simple;
  const read = kind === 'word' && Object.hasOwn(READERS, text) ? READERS[text] : undefined;
  if (read) {
    take(scanner);
    return read(scanner, family);
  }
  if (startsLead(scanner, true) || text === '(') return readAboutSubject(scanner);
  if (kind !== 'word') throw unexpected(scanner, 'a statement');
  throw unknownWord(scanner, '', STATEMENT_WORDS);
}

/** `jump { … }`: a chain that has no name. */
function readBlock(scanner: Scanner): NftStatement | undefined {
  const { kind, text } = peek(scanner);
  if (kind !== 'word' || (text !== 'jump' && text !== 'goto') || !scanner.readBlock) return undefined;
  if (peekSecond(scanner).text !== '{') return undefined;
  take(scanner);
  take(scanner);
  return { kind: text, chain: scanner.readBlock(scanner) };
}

/** A comparison, a change, or a verdict map: what begins with the field that is read or written. */
function readAboutSubject(scanner: Scanner): NftStatement {
  const left = readSubject(scanner);
  if (takeIf(scanner, 'vmap')) return { kind: 'vmap', key: left, data: readSetOrName(scanner, typesOf(left), []) };
  if (takeIf(scanner, 'set')) return readChange(scanner, left);
  return readComparison(scanner, left);
}

const OBJECTS: Readonly<Record<string, 'ct helper' | 'ct timeout' | 'ct expectation'>> = {
  helper: 'ct helper',
  timeout: 'ct timeout',
  expectation: 'ct expectation',
};

function readChange(scanner: Scanner, key: NftExpression): NftStatement {
  const named = key.kind === 'ct' && Object.hasOwn(OBJECTS, key.key) ? OBJECTS[key.key] : undefined;
  if (named) return { kind: named, name: readSource(scanner, ['string']) };
  return { kind: 'mangle', key, value: readSource(scanner, typesOf(key)) };
}

const COMPARISONS: Readonly<Record<string, NftComparison>> = {
  '==': '==',
  '!=': '!=',
  '<': '<',
  '>': '>',
  '<=': '<=',
  '>=': '>=',
  '!': '!',
  eq: '==',
  ne: '!=',
  lt: '<',
  gt: '>',
  le: '<=',
  ge: '>=',
};

function readComparison(scanner: Scanner, left: NftExpression): NftStatement {
  const { kind, text } = peek(scanner);
  const stated = kind !== 'string' && Object.hasOwn(COMPARISONS, text) ? COMPARISONS[text] : undefined;
  if (stated) take(scanner);
  const types = typesOf(left);
  const right = readConstants(scanner, types);
  const [datatype] = types;
  if (takeIf(scanner, '/')) {
    // tcp flags syn / syn,ack: what it has to be, and the bits that count.
    const mask = asList(readConstants(scanner, types));
    return {
      kind: 'match',
      operator: stated ?? '==',
      left: { kind: 'binary', operator: '&', left, right: mask },
      right,
    };
  }
  const bits = left.kind !== 'binary' && isBits(datatype) && right.kind !== 'set' && right.kind !== 'set-reference';
  return { kind: 'match', operator: stated ?? (bits ? 'in' : '=='), left, right };
}

/** Statements by their first word, which has been taken. */
const READERS: Readonly<Record<string, (scanner: Scanner, family: string) => NftStatement>> = {
  log: readLog,
  reject: readReject,
  snat: (scanner) => readNat(scanner, 'snat'),
  dnat: (scanner) => readNat(scanner, 'dnat'),
  masquerade: (scanner) => readNat(scanner, 'masquerade'),
  redirect: (scanner) => readNat(scanner, 'redirect'),
  tproxy: readTproxy,
  notrack: () => ({ kind: 'notrack' }),
  add: (scanner) => readSetStatement(scanner, 'add'),
  update: (scanner) => readSetStatement(scanner, 'update'),
  delete: (scanner) => readSetStatement(scanner, 'delete'),
  meter: readMeter,
  queue: readQueue,
  dup: (scanner) => {
    const address = takeIf(scanner, 'to') ? readSource(scanner, [undefined]) : undefined;
    const device = takeIf(scanner, 'device') ? readSource(scanner, ['ifname']) : undefined;
    return { kind: 'dup', ...given('address', address), ...given('device', device) };
  },
  fwd: readForward,
  flow: (scanner) => {
    if (!takeIf(scanner, 'add')) expect(scanner, 'offload');
    return { kind: 'flow', flowtable: expectName(scanner, 'the name of a flowtable').replace(/^@/, '') };
  },
  synproxy: readSynproxy,
  reset: (scanner) => ({ kind: 'reset', option: readSubject(scanner) }),
  xt: (scanner, family) => {
    const type = expectWord(scanner, 'match or target');
    if (type !== 'match' && type !== 'target' && type !== 'watcher')
      throw new Unknown(scanner, `xt ${type} is not known`);
    return { kind: 'xt', type, name: expectName(scanner, 'a name'), because: xtReason(family) };
  },
};

const STATEMENT_WORDS: readonly string[] = [
  ...Object.keys(READERS),
  ...LEAD_WORDS,
  ...'accept drop continue return jump goto counter limit quota last iif oif iifname oifname'.split(' '),
];

/** nft without iptables' library shows a match as a comment: `# xt_multiport`. */
function readOldXt(scanner: Scanner, family: string): NftStatement {
  const { text, at } = peek(scanner);
  const name = /^#\s*xt_([\w-]+)/.exec(text);
  if (!name) throw unexpected(scanner, 'a statement');
  take(scanner);
  scanner.at = at + name[0].length;
  const word = name[1] ?? '';
  return { kind: 'xt', type: word === word.toUpperCase() ? 'target' : 'match', name: word, because: xtReason(family) };
}

function readSetStatement(scanner: Scanner, operation: 'add' | 'update' | 'delete'): NftStatement {
  const set = expectWord(scanner, 'the name of a set').replace(/^@/, '');
  expect(scanner, '{');
  const key = readSubject(scanner);
  const { timeout, statements = [] } = readAbout(scanner);
  const data = takeIf(scanner, ':') ? readSource(scanner, [undefined]) : undefined;
  expect(scanner, '}');
  return { kind: 'set', operation, set, key, ...given('data', data), ...given('timeout', timeout), statements };
}

function readMeter(scanner: Scanner): NftStatement {
  const name = expectName(scanner, 'the name of a meter');
  const size = takeIf(scanner, 'size') ? expectNumber(scanner, 'a number') : undefined;
  expect(scanner, '{');
  const key = readSubject(scanner);
  const { timeout, statements: [statement] = [] } = readAbout(scanner);
  if (!statement) throw unexpected(scanner, 'a limit or a counter');
  expect(scanner, '}');
  return { kind: 'meter', name, ...given('size', size), key, ...given('timeout', timeout), statement };
}

function readQueue(scanner: Scanner): NftStatement {
  let flags: string[] = takeIf(scanner, 'flags') ? readWords(scanner) : [];
  const stated = takeIf(scanner, 'num') || takeIf(scanner, 'to');
  const number = stated ? readSource(scanner, ['integer']) : undefined;
  if (isNext(scanner, 'bypass', 'fanout')) flags = readWords(scanner);
  return { kind: 'queue', ...given('number', number), flags };
}

function readForward(scanner: Scanner): NftStatement {
  const family = takeIf(scanner, 'ip') ? 'ip' : takeIf(scanner, 'ip6') ? 'ip6' : undefined;
  expect(scanner, 'to');
  const first = readSource(scanner, [undefined]);
  if (!family) return { kind: 'fwd', device: first };
  expect(scanner, 'device');
  return { kind: 'fwd', device: readSource(scanner, ['ifname']), family, address: first };
}

function readSynproxy(scanner: Scanner): NftStatement {
  if (takeIf(scanner, 'name')) return { kind: 'synproxy', name: readSource(scanner, ['string']), flags: [] };
  const mss = takeIf(scanner, 'mss') ? expectNumber(scanner, 'a number') : undefined;
  const wscale = takeIf(scanner, 'wscale') ? expectNumber(scanner, 'a number') : undefined;
  const flags: string[] = [];
  while (isNext(scanner, 'timestamp', 'sack-perm')) flags.push(take(scanner).text);
  return { kind: 'synproxy', ...given('mss', mss), ...given('wscale', wscale), flags };
}
