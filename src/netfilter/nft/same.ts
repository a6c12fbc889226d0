import type { NftTable } from './table.ts';

/** What a table tells of its past and not of its rules. */
const PASSING: ReadonlySet<string> = new Set(['handle', 'line', 'used', 'expires']);

/** Whether two tables hold the same, whatever their counters have counted and whichever numbers the kernel gave them. */
export const isSameTable = (one: NftTable, other: NftTable): boolean => written(one) === written(other);

const written = (table: NftTable): string =>
  JSON.stringify(table, (key, value: unknown) => {
    if (PASSING.has(key)) return undefined;
    if (isCounter(value)) return { ...value, packets: undefined, bytes: undefined };
    return typeof value === 'bigint' ? `${value}n` : value;
  });

const isCounter = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'counter';
