import { nearest } from '../spelling.ts';
import { expectNumber, peek, type Scanner, take, takeIf, unexpected } from './tokens.ts';

/** Priorities by name. Source: nft(8), Standard priority names. */
const NAMES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** Further from a name than this, nft prints the number. */
const FARTHEST = 10;

/**
 * `dstnat`, `filter - 5`, `-311`.
 *
 * @throws Fault where none stands here.
 */
export function readPriority(scanner: Scanner): number {
  const { kind, text } = peek(scanner);
  if (kind === 'word' && /^-?\d{1,10}$/.test(text)) {
    take(scanner);
    return Number(text);
  }
  const named = kind === 'word' && Object.hasOwn(NAMES, text) ? NAMES[text] : undefined;
  if (named === undefined) throw unexpected(scanner, 'a priority', hint(text));
  take(scanner);
  if (takeIf(scanner, '+')) return named + expectNumber(scanner, 'a number');
  return takeIf(scanner, '-') ? named - expectNumber(scanner, 'a number') : named;
}

function hint(text: string): string {
  const near = nearest(text, Object.keys(NAMES), 2);
  return near === undefined
    ? 'A number, or one of raw, mangle, dstnat, filter, security, srcnat.'
    : `Did you mean ${near}?`;
}

/**
 * A priority as nft 1.0.6 writes it at that hook: dstnat is known at prerouting only, srcnat at postrouting only.
 *
 * @example printPriority(-105, 'prerouting') // 'dstnat - 5'
 */
export function printPriority(priority: number, hook: string): string {
  for (const [name, value] of Object.entries(NAMES)) {
    if (name === 'dstnat' && hook !== 'prerouting') continue;
    if (name === 'srcnat' && hook !== 'postrouting') continue;
    const offset = priority - value;
    if (offset === 0) return name;
    if (Math.abs(offset) <= FARTHEST) return `${name} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`;
  }
  return String(priority);
}
