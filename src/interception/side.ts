import type { Family } from '../address/index.ts';
import type { Interception } from './interception.ts';

/** What a family calls the addresses that the rules name. */
export interface Side {
  readonly family: Family;
  /** Where an app meets its own host: 127.0.0.1/32, or ::1/128. */
  readonly loopback: string;
  /** The source address of the proxy's connections to the app: 127.0.0.6/32, or ::6/128. */
  readonly passthrough: string;
  /** The length of a prefix that holds one address. */
  readonly hostLength: 32 | 128;
}

/** The side of an interception that one family sees. Only IPv4's loopback can be chosen. */
export const sideOf = (family: Family, { loopback }: Pick<Interception, 'loopback'>): Side =>
  family === 'ipv4'
    ? { family, loopback, passthrough: '127.0.0.6/32', hostLength: 32 }
    : { family, loopback: '::1/128', passthrough: '::6/128', hostLength: 128 };

/** The family of a prefix or address as it was typed: only IPv6 has colons. */
export const familyOfWord = (word: string): Family => (word.includes(':') ? 'ipv6' : 'ipv4');

/** Those words of a list that belong to a family. */
export const ofFamily = (words: readonly string[], family: Family): readonly string[] =>
  words.filter((word) => familyOfWord(word) === family);
