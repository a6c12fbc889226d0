import { floating, plainName } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type Codec, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface RateestOptions {
  readonly name?: string;
  /** How often the rate is measured, in microseconds. */
  readonly interval?: number;
  /** Over how long it is averaged, in microseconds. */
  readonly average?: number;
}

const SECOND = 1_000_000;
const UNITS: Readonly<Record<string, number>> = {
  s: SECOND,
  sec: SECOND,
  secs: SECOND,
  ms: 1000,
  msec: 1000,
  msecs: 1000,
  us: 1,
  usec: 1,
  usecs: 1,
};

/** A number and its unit; the `f` of `0x1f` is the number's. */
const COUNT = /^(\+?0x[\da-f.]+(?:p[+-]?\d+)?|\+?[\d.]+(?:e[+-]?\d+)?)([a-z]*)$/i;

const duration: Codec<number> = {
  expected: 'a time like 250ms or 2s; a number alone is microseconds',
  read(word) {
    const [, digits = '', unit = ''] = COUNT.exec(word) ?? [];
    const [count, of] = [floating(digits), UNITS[unit.toLowerCase() || 'us']];
    return count === undefined || of === undefined ? undefined : Math.floor(count * of);
  },
  print(of) {
    if (of >= SECOND) return `${(of / SECOND).toFixed(1)}s`;
    return of >= 1000 ? `${(of / 1000).toFixed(1)}ms` : `${of}us`;
  },
};

/** The kernel measures every quarter of a second, every half … every eight seconds: the first that is no shorter. */
const intervalOf = (wanted: number): number | undefined =>
  [0, 1, 2, 3, 4, 5].map((power) => 2 ** power * (SECOND / 4)).find((interval) => wanted <= interval);

/** The logarithm of the share that a new measurement has: the last that averages no longer than is wanted. */
function shareOf(interval: number, average: number): number {
  let log = 1;
  while (log < 32 && interval / -Math.log(1 - 1 / 2 ** log) <= average) log += 1;
  return log - 1;
}

/** `-j RATEEST`: counts into an estimator. Source: iptables-extensions(8), RATEEST; libxt_RATEEST.c, RATEEST_final_check; net/netfilter/xt_RATEEST.c. */
export const rateest: TargetExtension<RateestOptions> = {
  name: 'RATEEST',
  options: {
    name: value(['--rateest-name'], plainName('the name of an estimator', 15)),
    interval: value(['--rateest-interval'], duration),
    average: value(['--rateest-ewmalog'], duration),
  },
  listed: listed([
    /name (\S+) interval (\S+) ewmalog (\S+)/,
    '--rateest-name $1 --rateest-interval $2 --rateest-ewmalog $3',
  ]),
  required: ['name', 'interval', 'average'],
  refuse({ interval = 0, average = 0 }) {
    if (intervalOf(interval) === undefined) return 'the rate is measured every eight seconds at least';
    const share = shareOf(interval, average);
    return share === 0 || share >= 31 ? 'the time to average over is out of range for this interval' : undefined;
  },
  complete({ name, interval = 0, average = 0 }) {
    const kept = intervalOf(interval) ?? 0;
    return { ...(name === undefined ? {} : { name }), interval: kept, average: kept * 2 ** shareOf(interval, average) };
  },
  effect: () => CONTINUE,
};
