import { integer } from '../codec.ts';
import { type Codec, type MatchExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { choice } from '../predicate.ts';

export interface LimitOptions {
  /** What one packet costs, in ten-thousandths of a second: the kernel's own unit. */
  readonly period?: number;
  readonly burst?: number;
}

/** Source: XT_LIMIT_SCALE in xt_limit.h. */
const SECOND = 10_000;
const UNITS = [
  { name: 'day', full: 'day', period: SECOND * 86_400 },
  { name: 'hour', full: 'hour', period: SECOND * 3_600 },
  { name: 'min', full: 'minute', period: SECOND * 60 },
  { name: 'sec', full: 'second', period: SECOND },
] as const;

const rate: Codec<number> = {
  expected: 'a rate like 5/second, 3/minute, 10/hour or 1/day, at most 10000/second',
  read(word) {
    // What stands between the number and the slash nobody looks at: 5.5/s is 5/s.
    const [, count = '', unit = 'second'] = /^(\d{1,9})(?!\d)[^/]*(?:\/([a-z]+))?$/i.exec(word) ?? [];
    const of = UNITS.find(({ full }) => full.startsWith(unit.toLowerCase()));
    if (!of || Number(count) === 0) return undefined;
    const period = Math.floor(of.period / Number(count));
    return period > 0 && Number(count) / of.period <= 10_000 / SECOND ? period : undefined;
  },
  print(period) {
    // The largest unit that the tools can write without losing more than a division's remainder.
    let unit: (typeof UNITS)[number] = UNITS[0];
    for (const next of UNITS.slice(1)) {
      const times = Math.floor(next.period / period);
      if (period > next.period || times < next.period % period) break;
      unit = next;
    }
    return `${Math.floor(unit.period / period)}/${unit.name}`;
  },
};

/** `-m limit`. Source: iptables-extensions(8), limit; libxt_limit.c (print_rate); net/netfilter/xt_limit.c. */
export const limit: MatchExtension<LimitOptions> = {
  name: 'limit',
  options: {
    period: value(['--limit'], rate),
    burst: {
      ...value(['--limit-burst'], integer('a number of packets', 0, 10_000)),
      print: (burst) => (burst === 5 ? '' : `--limit-burst ${burst}`),
    },
  },
  listed: listed([/limit: avg (\S+) burst (\d+)/, '--limit $1 --limit-burst $2']),
  complete: ({ period = (SECOND * 3_600) / 3, burst = 5 }) => ({ period, burst: burst === 0 ? 5 : burst }),
  predicate: ({ period = 0, burst = 0 }) =>
    choice(`limit ${period} ${burst}`, `limit lets ${rate.print(period, 'ipv4')} pass, after ${burst} at once`),
};
