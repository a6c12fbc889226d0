import type { NftRule, NftTable } from './table.ts';

/** Keys of `meta` that ask the clock. */
export const CLOCK_KEYS: ReadonlySet<string> = new Set(['time', 'day', 'hour']);

/** Whether a table or a rule reads `meta KEY` of one of these keys, wherever it stands: in a map, in a set's type. */
export const asksMeta = (of: NftTable | NftRule, keys: ReadonlySet<string>): boolean => asks(of, keys);

/**
 * Whether a table reads any of these, in nft's words, wherever it stands.
 *
 * @example asksFor(table, new Set(['ip ttl', 'meta length']))
 */
export function asksFor(part: unknown, words: ReadonlySet<string>): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { kind, key, protocol, field } = part as Readonly<Record<string, unknown>>;
  if (kind === 'payload') return words.has(`${protocol} ${field}`);
  if ((kind === 'meta' || kind === 'rt') && words.has(`${kind} ${key}`)) return true;
  return Object.values(part).some((inner) => asksFor(inner, words));
}

function asks(part: unknown, keys: ReadonlySet<string>): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { kind, key } = part as { readonly kind?: unknown; readonly key?: unknown };
  if (kind === 'meta') return typeof key === 'string' && keys.has(key);
  return Object.values(part).some((inner) => asks(inner, keys));
}
