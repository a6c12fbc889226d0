import type { NftOpaque } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { nearest } from '../spelling.ts';
import { peek, type Scanner, skipBlock, take } from './tokens.ts';

/** Why a rule is opaque that was wrong and was passed over. */
export const UNREADABLE = 'it could not be read';

/**
 * A word that Sidestep does not know where a newer nft may have one: the statement is kept word for word. Thrown inside
 * this layer only.
 */
export class Unknown extends Error {
  override readonly name = 'Unknown';
}

/**
 * What is done about a word that is none of those that are known: one slip away from one of them it is a misspelling,
 * which is refused, else it is unknown.
 */
export function unknownWord(scanner: Scanner, what: string, known: readonly string[]): Fault | Unknown {
  const { text, at, end } = peek(scanner);
  const near = text.length > 2 && !known.includes(text) ? nearest(text, known, 1) : undefined;
  return near === undefined
    ? new Unknown(`${what}${text} is nothing that Sidestep knows`)
    : new Fault(at, end - at, `${what}${text} is not known`, `Did you mean ${what}${near}?`);
}

/** What nft's JSON showed and Sidestep does not know stands in a text as that JSON: `{"name":…}`, without a blank. */
export function readJsonWords(scanner: Scanner): NftOpaque {
  const { at } = take(scanner);
  const name = peek(scanner).text;
  skipBlock(scanner);
  return {
    kind: 'opaque',
    words: scanner.text.slice(at, scanner.at),
    because: `${name} is nothing that Sidestep knows`,
  };
}
