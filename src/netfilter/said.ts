import { isNftRule, type NftRule, type NftTable } from './nft/table.ts';
import type { Rule } from './rules.ts';

/** What a native table or rule tells of its past and its place, and not of what it does. */
const PASSING: ReadonlySet<string> = new Set(['handle', 'line', 'used', 'expires']);

const native = (of: NftTable | NftRule): string =>
  JSON.stringify(of, (key, value: unknown) => {
    if (PASSING.has(key)) return undefined;
    return isCounter(value) ? { ...value, packets: undefined, bytes: undefined } : plain(key, value);
  });

const isCounter = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'counter';

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);

/** All that a rule says, as one text: whatever its counters have counted, and wherever it stands. */
export const saidBy = (rule: Rule | NftRule): string =>
  isNftRule(rule)
    ? native(rule)
    : JSON.stringify(
        { ...rule, counters: undefined, line: undefined, reason: undefined, nft: rule.nft && native(rule.nft) },
        plain,
      );

/** Whether two tables hold the same, whatever their counters have counted and whichever numbers the kernel gave them. */
export const isSameTable = (one: NftTable, other: NftTable): boolean => native(one) === native(other);
