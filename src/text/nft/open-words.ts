import { nearest } from '../spelling.ts';

/** The words with which the parts of a table begin. */
export const OPEN_WORDS: readonly string[] =
  'chain set map flowtable counter quota limit ct synproxy flags comment'.split(' ');

/** The one of them that a word is one slip away from. */
export const isMisspelt = (word: string): string | undefined =>
  word.length > 2 ? nearest(word, OPEN_WORDS, 1) : undefined;
