import type { NftFlowtable, NftObject } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { readPriority } from './priority.ts';
import { readTimeSpan } from './read-elements.ts';
import { readCounts, readQuota, readRate } from './read-stateful.ts';
import {
  expect,
  expectName,
  expectNumber,
  expectWord,
  isNext,
  peek,
  readWords,
  type Scanner,
  skipBlock,
  skipLines,
  take,
  takeIf,
  unexpected,
} from './tokens.ts';

/** What every named thing of a table has. */
export interface Head {
  readonly name: string;
  readonly handle?: number;
}

/** `NAME { # handle 5`, up to the first thing inside. */
export function readHead(scanner: Scanner, what: string): Head {
  const name = expectName(scanner, what);
  expect(scanner, '{');
  return { name, ...given('handle', readHandle(scanner)) };
}

/** `# handle 5`, if it stands here. */
export function readHandle(scanner: Scanner): number | undefined {
  const { kind, text } = peek(scanner);
  const found = kind === 'comment' ? /^#\s*handle (\d{1,15})\s*$/.exec(text)?.[1] : undefined;
  if (found === undefined) return undefined;
  take(scanner);
  return Number(found);
}

/** Moves on to the next thing inside a block: past ends of lines, `;` and comments. False, and behind it, at its `}`. */
export function nextInside(scanner: Scanner): boolean {
  skipLines(scanner);
  while (takeIf(scanner, ';')) skipLines(scanner);
  if (peek(scanner).kind === 'end') throw unexpected(scanner, '}', 'Was the text cut off?');
  return !takeIf(scanner, '}');
}

/** The words by which objects are listed. */
export const OBJECT_WORDS = ['counter', 'quota', 'limit', 'ct', 'synproxy'] as const;

/** Reads an object; its first word has been taken. */
export function readObject(scanner: Scanner, word: (typeof OBJECT_WORDS)[number]): NftObject {
  if (word === 'ct') return readCtObject(scanner);
  const head = readHead(scanner, 'a name');
  const comment = readComment(scanner);
  const about = { ...head, ...given('comment', comment) };
  if (!nextInside(scanner)) {
    // Without state (nft -s) nothing stands in a counter.
    if (word === 'counter') return { ...about, kind: 'counter', packets: 0n, bytes: 0n };
    throw unexpected(scanner, `what the ${word} is`);
  }
  const object = readBody(scanner, word, about);
  if (nextInside(scanner)) throw unexpected(scanner, '}');
  return object;
}

function readComment(scanner: Scanner): string | undefined {
  skipLines(scanner);
  return takeIf(scanner, 'comment') ? expectName(scanner, 'a comment') : undefined;
}

function readBody(scanner: Scanner, word: 'counter' | 'quota' | 'limit' | 'synproxy', about: Head): NftObject {
  switch (word) {
    case 'counter':
      return { ...about, kind: 'counter', ...readCounts(scanner) };
    case 'quota':
      return { ...about, kind: 'quota', ...readQuota(scanner) };
    case 'limit':
      expect(scanner, 'rate');
      return { ...about, kind: 'limit', ...readRate(scanner) };
    case 'synproxy':
      return { ...about, kind: 'synproxy', ...readSynproxy(scanner) };
  }
}

function readSynproxy(scanner: Scanner): { mss: number; wscale: number; flags: string[] } {
  let [mss, wscale] = [0, 0];
  const flags: string[] = [];
  for (;;) {
    skipLines(scanner);
    if (takeIf(scanner, 'mss')) mss = expectNumber(scanner, 'a number');
    else if (takeIf(scanner, 'wscale')) wscale = expectNumber(scanner, 'a number');
    else if (isNext(scanner, 'timestamp', 'sack-perm')) flags.push(take(scanner).text);
    else if (!takeIf(scanner, ';')) return { mss, wscale, flags };
  }
}

type Values = Readonly<Record<'type' | 'protocol' | 'l3proto', string | undefined>> &
  Readonly<Record<'dport' | 'timeout' | 'size', number | undefined>> & {
    readonly comment?: string;
    readonly policy: Readonly<Record<string, number>>;
  };

function readCtObject(scanner: Scanner): NftObject {
  const word = expectWord(scanner, 'one of helper, timeout, expectation');
  const head = readHead(scanner, 'a name');
  if (word !== 'helper' && word !== 'timeout' && word !== 'expectation') {
    return opaqueObject(scanner, `ct ${word}`, head);
  }
  const {
    type = '',
    protocol = '',
    l3proto = 'ip',
    dport = 0,
    timeout = 0,
    size = 0,
    policy,
    ...rest
  } = readCtValues(scanner);
  const about = { ...head, ...given('comment', rest.comment), protocol, l3proto };
  if (word === 'helper') return { ...about, kind: 'ct helper', type };
  if (word === 'timeout') return { ...about, kind: 'ct timeout', policy };
  return { ...about, kind: 'ct expectation', port: dport, timeout: timeout * 1000, size };
}

function readCtValues(scanner: Scanner): Values {
  let values: Values = {
    type: undefined,
    protocol: undefined,
    l3proto: undefined,
    dport: undefined,
    timeout: undefined,
    size: undefined,
    policy: {},
  };
  while (nextInside(scanner)) {
    const { text } = peek(scanner);
    if (takeIf(scanner, 'comment')) values = { ...values, comment: expectName(scanner, 'a comment') };
    else if (isNext(scanner, 'type', 'protocol', 'l3proto')) {
      take(scanner);
      values = { ...values, [text]: expectName(scanner, 'a name') };
    } else if (isNext(scanner, 'dport', 'size')) {
      take(scanner);
      values = { ...values, [text]: expectNumber(scanner, 'a number') };
    } else if (takeIf(scanner, 'timeout')) values = { ...values, timeout: readTimeSpan(scanner) };
    else if (takeIf(scanner, 'policy')) values = { ...values, policy: readPolicy(scanner) };
    else throw unexpected(scanner, 'one of type, protocol, l3proto, policy, dport, timeout, size');
  }
  return values;
}

/** `= { established : 100, close : 4 }`; newer releases write spans of time. */
function readPolicy(scanner: Scanner): Record<string, number> {
  const policy: Record<string, number> = {};
  expect(scanner, '=');
  expect(scanner, '{');
  skipLines(scanner);
  while (!takeIf(scanner, '}')) {
    const state = expectWord(scanner, 'a state').replace(/:$/, '');
    takeIf(scanner, ':');
    policy[state] = readTimeSpan(scanner);
    skipLines(scanner);
    if (!takeIf(scanner, ',') && !isNext(scanner, '}')) throw unexpected(scanner, ', or }');
    skipLines(scanner);
  }
  return policy;
}

/** An object of a kind that is not known, up to its closing brace: its words. */
export function opaqueObject(scanner: Scanner, type: string, head: Head): NftObject {
  const { at } = peek(scanner);
  skipBlock(scanner);
  const words = scanner.text
    .slice(at, Math.max(at, scanner.at - 1))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('; ');
  return { ...head, kind: 'opaque', type, words };
}

/** Reads a flowtable; its first word has been taken. */
export function readFlowtable(scanner: Scanner): NftFlowtable {
  const head = readHead(scanner, 'the name of a flowtable');
  let table: NftFlowtable = { ...head, hook: 'ingress', priority: 0, devices: [], flags: [] };
  while (nextInside(scanner)) {
    if (takeIf(scanner, 'hook')) {
      const hook = expectWord(scanner, 'a hook');
      expect(scanner, 'priority');
      table = { ...table, hook, priority: readPriority(scanner) };
    } else if (takeIf(scanner, 'devices')) table = { ...table, devices: readDevices(scanner) };
    else if (takeIf(scanner, 'counter')) table = { ...table, counter: true };
    else if (takeIf(scanner, 'flags')) table = { ...table, flags: readWords(scanner) };
    else throw unexpected(scanner, 'one of hook, devices, counter, flags');
  }
  return table;
}

/** `= { eth0, "eth1" }`. */
export function readDevices(scanner: Scanner): string[] {
  const devices: string[] = [];
  expect(scanner, '=');
  expect(scanner, '{');
  skipLines(scanner);
  while (!takeIf(scanner, '}')) {
    devices.push(expectName(scanner, 'the name of an interface'));
    skipLines(scanner);
    if (!takeIf(scanner, ',') && !isNext(scanner, '}')) throw unexpected(scanner, ', or }');
    skipLines(scanner);
  }
  return devices;
}
