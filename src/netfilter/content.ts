import { isNftRule, type NftRule } from './nft/index.ts';
import type { Rule } from './rules.ts';

/**
 * All that a rule says, as one text: rules with equal ones ask and do the same. Where it stood, what it has counted and why it
 * was written are no part of it.
 */
export function contentOf(rule: Rule | NftRule): string {
  const native = isNftRule(rule) ? rule : rule.nft;
  return JSON.stringify(native ? uncounted(native) : rule, (key, value: unknown) =>
    BESIDE.has(key) ? undefined : typeof value === 'bigint' ? `${value}n` : value,
  );
}

const uncounted = ({ statements, ...rest }: NftRule): NftRule => ({
  ...rest,
  statements: statements.filter(({ kind }) => kind !== 'counter'),
});

const BESIDE: ReadonlySet<string> = new Set<keyof Rule | keyof NftRule>(['counters', 'handle', 'line', 'reason']);
