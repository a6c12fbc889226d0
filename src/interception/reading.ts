import type { Family } from '../address/index.ts';
import { chainOf, type RuleSet, type TableName } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import { uncommented } from './commented.ts';
import { formerTarget, isBypass } from './comments.ts';
import { ownership } from './own.ts';

/**
 * A rule set as its mesh wrote it, chain by chain in iptables-save's words, for reading an interception back. What others
 * put there is left out: Sidestep's bypasses (a rule that `bypass --edit` disarmed reads as it did before) and, in the
 * built-in chains, what is not the mesh's own. Of rules that were written twice each reads once.
 */
export interface Reading {
  readonly family: Family;
  /** The rules of a chain; empty when there is no such chain. */
  lines(table: TableName, chain: string): readonly string[];
  has(table: TableName, chain: string): boolean;
}

/** Where each run of the mesh's set-up adds its jump once: a second jump tells of a second run. */
const JUMPING = [
  ['nat', 'PREROUTING'],
  ['nat', 'OUTPUT'],
  ['mangle', 'PREROUTING'],
] as const;

/** Opens a rule set for reading. `together` are all rule sets of the same network namespace. */
export function readingOf(rules: RuleSet, together: readonly RuleSet[] = [rules]): Reading {
  const own = ownership(rules, together);
  const { family } = rules;
  const known = new Map<string, readonly string[]>();
  const read = (table: TableName, name: string): readonly string[] => {
    const chain = chainOf(rules, table, name);
    return (chain?.rules ?? []).flatMap((rule) => {
      if (chain?.policy !== undefined && !own.has(rule)) return [];
      const former = formerTarget(rule);
      if (former !== undefined) {
        const { target: _, ...rest } = rule;
        const matches = rule.matches.filter((use) => use.name !== 'comment');
        return [`${printRule({ ...rest, matches }, family)} ${former}`];
      }
      return isBypass(rule) ? [] : [printRule(uncommented(rule), family)];
    });
  };
  const twice = JUMPING.some(([table, hook]) => {
    const jumps = read(table, hook).filter((line) => line.includes(' -j ISTIO_'));
    return new Set(jumps).size < jumps.length;
  });
  return {
    family,
    has: (table, chain) => chainOf(rules, table, chain) !== undefined,
    lines(table, chain) {
      const key = `${table} ${chain}`;
      const lines = known.get(key) ?? (twice ? [...new Set(read(table, chain))] : read(table, chain));
      known.set(key, lines);
      return lines;
    },
  };
}

/** What a shape's first group catches in each line that has the shape. */
export const caughtBy = (lines: readonly string[], shape: RegExp): string[] =>
  lines.flatMap((line) => {
    const found = shape.exec(line);
    return found ? [found[1] ?? ''] : [];
  });

/** A list without the first of each of these words. */
export function without(list: readonly string[], words: readonly string[]): string[] {
  const left = [...list];
  for (const word of words) {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

/** The words of the first list, then those of the others that it lacks. */
export const withMissing = (list: readonly string[], ...others: readonly (readonly string[])[]): string[] => [
  ...list,
  ...new Set(others.flat().filter((word) => !list.includes(word))),
];

/** A destination as these rules hold it: a list, or, as one rule without a condition, all. */
export const everywhere = (family: Family): string => (family === 'ipv4' ? '0.0.0.0/0' : '::/0');
