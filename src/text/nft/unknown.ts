import type { NftOpaque } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { nearest } from '../spelling.ts';
import { peek, type Scanner, skipBlock, take } from './tokens.ts';

/** Why a rule is opaque that was wrong and was passed over. */
export const UNREADABLE = 'it could not be read';

/**
 * A word that Sidestep does not know where a newer nft may have one: a statement is then kept word for word. Anywhere else
 * it is a fault like another.
 */
export class Unknown extends Fault {
  constructor(scanner: Scanner, message: string) {
    const { at, end } = peek(scanner);
    super(at, Math.max(1, end - at), message, 'Was this written by a newer nft than 1.1?');
  }
}

/** Words of releases after 1.0.6 that look like others. */
const NEWER: ReadonlySet<string> = new Set(['vxlan', 'geneve', 'gre', 'gretap', 'tunnel', 'bri_iifhwaddr']);

/**
 * What is done about a word that is none of those that are known: one slip away from one of them it is a misspelling,
 * which is refused, else it is unknown.
 */
export function unknownWord(scanner: Scanner, what: string, known: readonly string[]): Fault {
  const { text, at, end } = peek(scanner);
  const near = text.length > 2 && !NEWER.has(text) ? nearest(text, known, 1) : undefined;
  return near === undefined
    ? new Unknown(scanner, `${what}${text} is nothing that Sidestep knows`)
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
