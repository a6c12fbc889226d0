import { isAnonymous, type NftChain, type NftHook, type NftRule, type NftStatement } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { given } from '../given.ts';
import { readPriority } from './priority.ts';
import { readDevices, readHandle, readHead } from './read-object.ts';
import { readStatement } from './read-statement.ts';
import {
  expect,
  expectName,
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
import { UNREADABLE } from './unknown.ts';

/** What is done about a rule that cannot be read. */
export interface Complaints {
  /** Tells a fault. */
  complain(fault: Fault): void;
  /** Tells what is wrong with a place that was read. */
  complainAt(at: number, message: string): void;
  /** The line of a place in the text, one-based. */
  lineOf(at: number): number;
}

/** Reads a chain; its first word has been taken. A rule that cannot be read stays as an opaque one, and its fault is told. */
export function readChain(scanner: Scanner, family: string, complaints: Complaints): NftChain {
  const head = readHead(scanner, 'the name of a chain');
  let chain: Omit<NftChain, 'rules'> = { ...head, flags: [] };
  const rules: NftRule[] = [];
  for (;;) {
    skipEmpty(scanner);
    if (takeIf(scanner, '}')) return { ...chain, rules };
    if (peek(scanner).kind === 'end') throw unexpected(scanner, '}', 'Was the text cut off?');
    const about = rules.length === 0 ? readAbout(scanner, chain) : undefined;
    if (about) chain = about;
    else rules.push(readRule(scanner, family, complaints));
  }
}

/** Has the chains without a name that rules of a table hold read into the table: they get names as the kernel gives them. */
export function readBlocksInto(scanner: Scanner, family: string, chains: NftChain[], complaints: Complaints): void {
  scanner.readBlock = (inside) => {
    // A chain holds a place in the table as soon as it is named: others may stand inside it.
    const name = `__chain${chains.filter(isAnonymous).length + 1}`;
    const place = chains.push({ name, flags: [], rules: [] }) - 1;
    const rules: NftRule[] = [];
    for (skipEmpty(inside); !takeIf(inside, '}'); skipEmpty(inside)) {
      if (peek(inside).kind === 'end') throw unexpected(inside, '}', 'Was the text cut off?');
      rules.push(readRule(inside, family, complaints));
    }
    chains[place] = { name, flags: [], rules };
    return name;
  };
}

/** Moves on to a rule. One that begins with `# xt_NAME` is not a comment. */
function skipEmpty(scanner: Scanner): void {
  for (;;) {
    const { kind, text } = peek(scanner);
    const empty = kind === 'line' || (kind === 'comment' && !isXt(text)) || (kind === 'mark' && text === ';');
    if (!empty) return;
    take(scanner);
  }
}

/** How nft without iptables' library shows a match or a target. */
const isXt = (comment: string): boolean => /^#\s*xt_/.test(comment);

/** What a chain says of itself before its rules, if that stands here. */
function readAbout(scanner: Scanner, chain: Omit<NftChain, 'rules'>): Omit<NftChain, 'rules'> | undefined {
  if (isNext(scanner, 'comment')) {
    take(scanner);
    return { ...chain, comment: expectName(scanner, 'a comment') };
  }
  if (isNext(scanner, 'flags')) {
    take(scanner);
    return { ...chain, flags: [...chain.flags, ...readWords(scanner)] };
  }
  if (isNext(scanner, 'policy') && chain.base) {
    take(scanner);
    return { ...chain, base: { ...chain.base, policy: readPolicy(scanner) } };
  }
  if (!isNext(scanner, 'type') || !['filter', 'nat', 'route'].includes(peekSecond(scanner).text)) return undefined;
  take(scanner);
  return { ...chain, base: readHook(scanner) };
}

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'] as const;

/** `filter hook input device "eth0" priority filter - 5`, and what follows on the same line. */
function readHook(scanner: Scanner): NftHook {
  const type = oneOf(scanner, ['filter', 'nat', 'route']);
  expect(scanner, 'hook');
  const hook = oneOf(scanner, HOOKS);
  let devices: string[] = [];
  if (takeIf(scanner, 'device')) devices = [expectName(scanner, 'the name of an interface')];
  else if (takeIf(scanner, 'devices')) devices = readDevices(scanner);
  expect(scanner, 'priority');
  return { type, hook, priority: readPriority(scanner), policy: 'accept', devices };
}

const readPolicy = (scanner: Scanner): 'accept' | 'drop' => oneOf(scanner, ['accept', 'drop']);

function oneOf<const T extends string>(scanner: Scanner, names: readonly T[]): T {
  const { kind, text } = peek(scanner);
  const found = kind === 'word' ? names.find((name) => name === text) : undefined;
  if (found === undefined) throw unexpected(scanner, `one of ${names.join(', ')}`);
  take(scanner);
  return found;
}

function readRule(scanner: Scanner, family: string, { complain, lineOf }: Complaints): NftRule {
  const { at } = peek(scanner);
  const line = lineOf(at);
  try {
    return { ...readStatements(scanner, family), line };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    complain(error);
    scanner.inKey = false;
    skipStatement(scanner, at);
    const words = scanner.text.slice(at, peek(scanner).at).trimEnd();
    const handle = readHandle(scanner);
    return {
      statements: [{ kind: 'opaque', words, because: UNREADABLE }],
      ...given('handle', handle),
      line,
    };
  }
}

function readStatements(scanner: Scanner, family: string): NftRule {
  const statements: NftStatement[] = [];
  let comment: string | undefined;
  while (!atEnd(scanner)) {
    if (comment !== undefined) throw unexpected(scanner, 'the end of the rule');
    if (takeIf(scanner, 'comment')) comment = expectName(scanner, 'a comment');
    else statements.push(readStatement(scanner, family));
  }
  return { statements, ...given('comment', comment), ...given('handle', readHandle(scanner)) };
}

function atEnd(scanner: Scanner): boolean {
  const { kind, text } = peek(scanner);
  if (kind === 'comment') return !isXt(text);
  return kind === 'line' || kind === 'end' || (kind === 'mark' && (text === ';' || text === '}'));
}
