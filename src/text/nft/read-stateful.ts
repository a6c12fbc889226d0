import type { NftLimit, NftQuota, NftStatement } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { readSource } from './read-expression.ts';
import {
  expect,
  expectCount,
  expectNumber,
  expectWord,
  goTo,
  peek,
  peekSecond,
  type Scanner,
  take,
  takeIf,
  unexpected,
} from './tokens.ts';

/** A statement that keeps count, if one stands here: `counter`, `limit`, `quota`, `ct count`, `last`. */
export function readStateful(scanner: Scanner): NftStatement | undefined {
  const { kind, text } = peek(scanner);
  if (kind !== 'word') return undefined;
  if (text === 'ct' && peekSecond(scanner).text === 'count') {
    take(scanner);
    take(scanner);
    const over = takeIf(scanner, 'over');
    return { kind: 'connection-limit', count: expectNumber(scanner, 'a number of connections'), over };
  }
  if (text === 'last') return readLast(scanner);
  if (text !== 'counter' && text !== 'limit' && text !== 'quota') return undefined;
  take(scanner);
  if (takeIf(scanner, 'name')) return { kind: `${text}-reference`, name: readSource(scanner, ['string']) };
  if (text === 'counter') return { kind: 'counter', ...readCounts(scanner) };
  if (text === 'quota') return { kind: 'quota', ...readQuota(scanner) };
  expect(scanner, 'rate');
  return { kind: 'limit', ...readRate(scanner) };
}

function readLast(scanner: Scanner): NftStatement {
  take(scanner);
  return {
    kind: 'last',
    ...given('used', takeIf(scanner, 'used') ? expectWord(scanner, 'a span of time') : undefined),
  };
}

/** `packets 3 bytes 4`, or nothing. */
export function readCounts(scanner: Scanner): { readonly packets: bigint; readonly bytes: bigint } {
  if (!takeIf(scanner, 'packets')) return { packets: 0n, bytes: 0n };
  const packets = expectCount(scanner, 'a number of packets');
  expect(scanner, 'bytes');
  return { packets, bytes: expectCount(scanner, 'a number of bytes') };
}

const UNITS: Readonly<Record<string, bigint>> = { bytes: 1n, kbytes: 1n << 10n, mbytes: 1n << 20n };
const DATA_UNITS = Object.keys(UNITS).join(', ');

/** `over 25 mbytes used 3 kbytes`. */
export function readQuota(scanner: Scanner): NftQuota {
  const over = takeIf(scanner, 'over');
  if (!over) takeIf(scanner, 'until');
  const bytes = readAmount(scanner);
  return { bytes, used: takeIf(scanner, 'used') ? readAmount(scanner) : 0n, over };
}

function readAmount(scanner: Scanner): bigint {
  const count = expectCount(scanner, 'a number');
  const { text } = peek(scanner);
  const unit = Object.hasOwn(UNITS, text) ? UNITS[text] : undefined;
  if (unit === undefined) throw unexpected(scanner, `one of ${DATA_UNITS}`);
  take(scanner);
  return count * unit;
}

const PERIODS: readonly string[] = ['second', 'minute', 'hour', 'day', 'week'];

/** `over 400/minute burst 7 packets`, `1 mbytes/second burst 3 kbytes`: what stands behind `rate`. */
export function readRate(scanner: Scanner): NftLimit {
  const over = takeIf(scanner, 'over');
  if (!over) takeIf(scanner, 'until');
  const { rate, unit, per } = readRateValue(scanner);
  const packets = unit === 'packets';
  if (!takeIf(scanner, 'burst')) {
    return { rate, unit, per, burst: packets ? 5 : 0, burstUnit: packets ? 'packets' : 'bytes', over };
  }
  const burst = expectNumber(scanner, 'a number');
  const burstUnit = expectWord(scanner, packets ? 'packets' : `one of ${DATA_UNITS}`);
  return { rate, unit, per, burst, burstUnit, over };
}

function readRateValue(scanner: Scanner): { readonly rate: number; readonly unit: string; readonly per: string } {
  const { at, text } = peek(scanner);
  const slash = text.indexOf('/');
  const example = 'a rate (10/second, 5 mbytes/hour)';
  if (slash < 0) {
    const rate = expectNumber(scanner, example);
    const [unit = '', per = ''] = peek(scanner).text.split('/');
    if (!Object.hasOwn(UNITS, unit) || !PERIODS.includes(per)) throw unexpected(scanner, `one of ${DATA_UNITS} a time`);
    take(scanner);
    return { rate, unit, per };
  }
  const rate = Number(text.slice(0, slash));
  const per = text.slice(slash + 1);
  if (!/^\d{1,15}\//.test(text) || !PERIODS.includes(per)) throw unexpected(scanner, example);
  goTo(scanner, at + text.length);
  return { rate, unit: 'packets', per };
}
