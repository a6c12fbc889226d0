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

/** Whether two rules have the same content. Parts that are one object in both, as text that was read has them, are not gone through. */
export function saysTheSame(one: Rule, other: Rule): boolean {
  if (one.header !== other.header && !isSame(one.header, other.header)) return false;
  if (one.matches !== other.matches && !isSame(one.matches, other.matches)) return false;
  if (one.target !== other.target && !isSame(one.target, other.target)) return false;
  return isSame(one.unshown, other.unshown) && one.nft === other.nft;
}

/** Of plain data; anything else is only the same as itself. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const kind = Object.getPrototypeOf(one);
  if (kind !== Object.getPrototypeOf(other) || (kind !== Object.prototype && kind !== Array.prototype)) return false;
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  for (const key of keys)
    if (!isSame((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key])) return false;
  return true;
}
