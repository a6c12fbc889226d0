import type { Family } from '../address/index.ts';
import type { Rule, TableName } from '../netfilter/index.ts';

/** What rules of one chain say, by their words. */
export type KnownWords = Map<string, Rule>;

/**
 * Rules that texts have which were read before: what several texts have in common word for word is read once, and its parts are one
 * object in all of them. Who compares rule sets need not look into those.
 *
 * @example const known = new KnownRules(); [parseSave(before, { known }), parseSave(after, { known })]
 */
export class KnownRules {
  readonly #chains = new Map<string, KnownWords>();

  /** The same words may say another thing in another chain, or nothing. */
  ofChain(family: Family, table: TableName, chain: string): KnownWords {
    const key = `${family} ${table} ${chain}`;
    let words = this.#chains.get(key);
    if (!words) {
      words = new Map();
      this.#chains.set(key, words);
    }
    return words;
  }
}

/** The same rule where it stands now. */
export const onLine = (rule: Rule, line: number): Rule => (rule.line === line ? rule : { ...rule, line });
