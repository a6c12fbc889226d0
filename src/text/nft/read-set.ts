import type { NftSet, NftType } from '../../netfilter/index.ts';
import { typeNames } from './datatype.ts';
import { readElements, readTimeSpan } from './read-elements.ts';
import { readSubject } from './read-expression.ts';
import { nextInside, readHead } from './read-object.ts';
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
  take,
  takeIf,
  unexpected,
} from './tokens.ts';
import { Unknown } from './unknown.ts';

const LINES = 'type typeof flags timeout gc-interval size policy auto-merge comment elements';

/** Reads a set or a map; its first word has been taken. */
export function readSet(scanner: Scanner): NftSet {
  const head = readHead(scanner, 'the name of a set');
  let set: NftSet = { ...head, key: { names: [] }, flags: [], elements: [], statements: [] };
  while (nextInside(scanner)) set = readLine(scanner, set);
  // With a timeout of its own nft leaves the flag out.
  return set.timeout !== undefined && !set.flags.includes('timeout')
    ? { ...set, flags: [...set.flags, 'timeout'] }
    : set;
}

function readLine(scanner: Scanner, set: NftSet): NftSet {
  if (takeIf(scanner, 'type')) return { ...set, ...readTypes(scanner, readNames) };
  if (takeIf(scanner, 'typeof')) return { ...set, ...readTypes(scanner, readTypeof) };
  if (takeIf(scanner, 'flags')) return { ...set, flags: readWords(scanner) };
  if (takeIf(scanner, 'timeout')) return { ...set, timeout: readTimeSpan(scanner) };
  if (takeIf(scanner, 'gc-interval')) return { ...set, gcInterval: readTimeSpan(scanner) };
  if (takeIf(scanner, 'policy')) return { ...set, policy: expectWord(scanner, 'performance or memory') };
  if (takeIf(scanner, 'auto-merge')) return { ...set, autoMerge: true };
  if (takeIf(scanner, 'comment')) return { ...set, comment: expectName(scanner, 'a comment') };
  if (takeIf(scanner, 'size')) return { ...set, size: expectNumber(scanner, 'a number') };
  if (takeIf(scanner, 'elements')) {
    expect(scanner, '=');
    return { ...set, elements: readElements(scanner, typesIn(set.key), set.data ? typesIn(set.data) : []) };
  }
  const statement = readStateful(scanner);
  if (!statement) throw unexpected(scanner, `one of ${LINES.split(' ').join(', ')}`);
  return { ...set, statements: [...set.statements, statement] };
}

const typesIn = ({ names }: NftType): readonly (string | undefined)[] => names;

/** `KEY`, or `KEY : DATA`. */
function readTypes(scanner: Scanner, read: (scanner: Scanner) => NftType): Pick<NftSet, 'key' | 'data'> {
  const key = read(scanner);
  if (!takeIf(scanner, ':')) return { key };
  const interval = takeIf(scanner, 'interval');
  const object = readObjectType(scanner);
  const data = object ?? read(scanner);
  return { key, data: interval ? { ...data, interval: true } : data };
}

/** What a map may lead to that is no value: a verdict, or one of the table's objects. */
function readObjectType(scanner: Scanner): NftType | undefined {
  if (isNext(scanner, 'verdict', 'counter', 'quota', 'limit', 'synproxy', 'secmark')) {
    return { names: [take(scanner).text] };
  }
  if (!isNext(scanner, 'ct') || !['helper', 'timeout', 'expectation'].includes(peekSecond(scanner).text))
    return undefined;
  take(scanner);
  return { names: [`ct ${take(scanner).text}`] };
}

function readNames(scanner: Scanner): NftType {
  const names = [expectWord(scanner, 'the name of a data type')];
  while (takeIf(scanner, '.')) names.push(expectWord(scanner, 'the name of a data type'));
  return { names };
}

function readTypeof(scanner: Scanner): NftType {
  const { at } = peek(scanner);
  try {
    const expression = readSubject(scanner);
    return { names: typeNames(expression), typeof: expression };
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
    return { names: [], typeof: { kind: 'opaque', words: wordsFrom(scanner, at), because: error.message } };
  }
}

/** The words up to the colon or the end of the line. */
function wordsFrom(scanner: Scanner, at: number): string {
  while (!isNext(scanner, ':', ';', '}') && peek(scanner).kind !== 'line' && peek(scanner).kind !== 'end')
    take(scanner);
  return scanner.text.slice(at, peek(scanner).at).trimEnd();
}
