import { NFT_FAMILIES, type NftChain, type NftFamily, type NftTable } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { given } from '../given.ts';
import { isMisspelt, OPEN_WORDS } from './open-words.ts';
import { type Complaints, readBlocksInto, readChain } from './read-chain.ts';
import {
  nextInside,
  OBJECT_WORDS,
  opaqueObject,
  readFlowtable,
  readHandle,
  readHead,
  readObject,
} from './read-object.ts';
import { readSet } from './read-set.ts';
import {
  expect,
  expectName,
  goTo,
  isNext,
  peek,
  peekSecond,
  readWords,
  type Scanner,
  skipBlock,
  take,
  takeIf,
  unexpected,
} from './tokens.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

/** Reads a table; the word `table` has been taken. */
export function readTable(scanner: Scanner, complaints: Complaints): NftTable {
  const family = readFamily(scanner);
  const name = expectName(scanner, 'the name of a table');
  expect(scanner, '{');
  const handle = readHandle(scanner);
  const table: Mutable<NftTable> = {
    family,
    name,
    ...given('handle', handle),
    flags: [],
    objects: [],
    sets: [],
    flowtables: [],
    chains: [],
  };
  if (family === 'arp' || family === 'bridge' || family === 'netdev') {
    const { at } = peek(scanner);
    const read = family === 'netdev' ? readWhole(scanner, table, complaints) : undefined;
    goTo(scanner, at);
    skipBlock(scanner);
    return { ...(read ?? table), words: scanner.text.slice(at, Math.max(at, scanner.at - 1)).trimEnd() };
  }
  return readParts(scanner, table, complaints);
}

/** What a table holds, up to its closing brace. */
function readParts(scanner: Scanner, table: Mutable<NftTable>, complaints: Complaints): NftTable {
  readBlocksInto(scanner, table.family, table.chains, complaints);
  while (nextInside(scanner)) {
    const { at } = peek(scanner);
    try {
      readPart(scanner, table, complaints);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      complaints.complain(error);
      passOver(scanner, at);
    }
  }
  return table;
}

/** The same, or undefined where anything in it is not understood. */
function readWhole(scanner: Scanner, table: NftTable, { lineOf }: Complaints): NftTable | undefined {
  let understood = true;
  const complain = (): void => {
    understood = false;
  };
  const fresh: Mutable<NftTable> = { ...table, flags: [], objects: [], sets: [], flowtables: [], chains: [] };
  const read = readParts(scanner, fresh, { complain, complainAt: complain, lineOf });
  return understood ? read : undefined;
}

/** Goes on behind a part that begins there: behind its block, or on the next line. */
function passOver(scanner: Scanner, at: number): void {
  goTo(scanner, at);
  while (!isNext(scanner, '{')) {
    const { kind } = peek(scanner);
    if (kind === 'line' || kind === 'end') return;
    take(scanner);
  }
  take(scanner);
  skipBlock(scanner);
}

function readFamily(scanner: Scanner): NftFamily {
  const { text } = peek(scanner);
  const family = NFT_FAMILIES.find((one) => one === text);
  // Without a family it is ip.
  if (!family || peekSecond(scanner).text === '{') return 'ip';
  take(scanner);
  return family;
}

function readPart(scanner: Scanner, table: Mutable<NftTable>, complaints: Complaints): void {
  const object = OBJECT_WORDS.find((word) => takeIf(scanner, word));
  if (object) table.objects.push(readObject(scanner, object));
  else if (takeIf(scanner, 'chain')) addChain(scanner, table, complaints);
  else if (takeIf(scanner, 'set') || takeIf(scanner, 'map') || takeIf(scanner, 'meter'))
    table.sets.push(readSet(scanner));
  else if (takeIf(scanner, 'flowtable')) table.flowtables.push(readFlowtable(scanner));
  else if (takeIf(scanner, 'flags')) table.flags.push(...readWords(scanner));
  else if (takeIf(scanner, 'comment')) table.comment = expectName(scanner, 'a comment');
  else readUnknown(scanner, table);
}

/** An object of a kind that is not known: a word, a name, a block. */
function readUnknown(scanner: Scanner, table: Mutable<NftTable>): void {
  const { kind, text } = peek(scanner);
  const near = isMisspelt(text);
  if (kind !== 'word' || near !== undefined) {
    throw unexpected(scanner, `one of ${OPEN_WORDS.join(', ')}`, near === undefined ? '' : `Did you mean ${near}?`);
  }
  take(scanner);
  table.objects.push(opaqueObject(scanner, text, readHead(scanner, 'a name')));
}

function addChain(scanner: Scanner, table: Mutable<NftTable>, complaints: Complaints): void {
  const { at } = peek(scanner);
  const chain: NftChain = readChain(scanner, table.family, complaints);
  if (table.chains.some(({ name }) => name === chain.name)) {
    complaints.complainAt(at, `the chain ${chain.name} stands in this table twice`);
    return;
  }
  table.chains.push(chain);
}
