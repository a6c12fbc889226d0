import type { NftExpression } from '../../netfilter/index.ts';
import { expect, expectNumber, expectWord, goTo, isNext, peek, type Scanner, take } from './tokens.ts';

const TCP_FIELDS: readonly string[] = 'kind length size count left right tsval tsecr subtype unknown'.split(' ');
const IP_FIELDS: readonly string[] = 'type length value ptr addr'.split(' ');

/** `tcp option maxseg size`, `ip option rr`, `sctp chunk init`, `dccp option 5`. */
export function readOption(scanner: Scanner): NftExpression {
  const protocol = take(scanner).text;
  take(scanner);
  if (protocol === 'dccp') return { kind: 'dccp option', option: expectNumber(scanner, 'the number of an option') };
  if (protocol === 'tcp') return readTcpOption(scanner);
  const name = expectWord(scanner, 'a name');
  if (protocol === 'ip') return { kind: 'ip option', name, ...fieldOf(scanner, IP_FIELDS) };
  return { kind: 'sctp chunk', name, ...chunkField(scanner) };
}

const fieldOf = (scanner: Scanner, known: readonly string[]): { readonly field?: string } =>
  isNext(scanner, ...known) ? { field: take(scanner).text } : {};

/** Chunks have fields of many names; what follows a chunk alone is whether it is there, which `nft -nn` says as 1 or 0. */
function chunkField(scanner: Scanner): { readonly field?: string } {
  const { kind, text } = peek(scanner);
  return kind === 'word' && !/^(?:exists|missing|[01])$/.test(text) ? { field: take(scanner).text } : {};
}

function readTcpOption(scanner: Scanner): NftExpression {
  const { text, at } = peek(scanner);
  if (/^@\d+$/.test(text)) {
    goTo(scanner, at + 1);
    const option = expectNumber(scanner, 'the number of an option');
    expect(scanner, ',');
    const offset = expectNumber(scanner, 'an offset in bits');
    expect(scanner, ',');
    return { kind: 'raw tcp option', option, offset, length: expectNumber(scanner, 'a length in bits') };
  }
  if (/^\d+$/.test(text)) {
    return { kind: 'raw tcp option', option: expectNumber(scanner, 'a number'), offset: 0, length: 8 };
  }
  return { kind: 'tcp option', name: expectWord(scanner, 'the name of an option'), ...fieldOf(scanner, TCP_FIELDS) };
}
