import type { Range } from '../../address/index.ts';
import { inKernelZone } from '../clock.ts';
import { type Codec, flag, type MatchExtension, type Option, value } from '../extension.ts';
import { type ListedPart, listedAfter } from '../listed.ts';
import { ALWAYS, all, isIn, type Predicate, some } from '../predicate.ts';

export interface TimeOptions {
  /** Seconds of the day. */
  readonly from?: number;
  readonly until?: number;
  /** Bits 1 to 31. */
  readonly monthDays?: number;
  /** Bits 1 (Monday) to 7. */
  readonly weekDays?: number;
  /** Seconds since 1970 in UTC, both inclusive. */
  readonly start?: number;
  readonly stop?: number;
  /** The kernel's own clock zone instead of UTC. */
  readonly kernelZone?: true;
  /** UTC, which is the default. */
  readonly utc?: true;
  readonly contiguous?: true;
}

const DAY_END = 86_399;
/** What the tools fill in for a date that is not given. */
const LAST_DATE = 0x7fff_ffff;
const ALL_MONTH_DAYS = 0xffff_fffe;
const ALL_WEEK_DAYS = 0xfe;
const WEEK_DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

const two = (number: number): string => String(number).padStart(2, '0');

/** A time of day: `hh:mm[:ss]`. What is left out between colons is 0 to the tools. */
const timeOfDay: Codec<number> = {
  expected: 'a time of day like 09:30 or 09:30:15',
  read(word) {
    const [, hours, minutes = '', seconds = '0'] = /^(\d*):(\d*)(?::(\d*))?$/.exec(word) ?? [];
    if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
    return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  },
  print: (of) => `${two(Math.floor(of / 3600))}:${two(Math.floor(of / 60) % 60)}:${two(of % 60)}`,
};

/** A date: `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]` in UTC, up to 2038 as the tools take it. */
const date: Codec<number> = {
  expected: 'a date in UTC like 2026-12-01 or 2026-12-01T10:30:00',
  read(word) {
    const form = /^(0*\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:T(?:(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?)?)?)?)?$/;
    const parts = form
      .exec(word)
      ?.slice(1)
      .map((part) => (part === undefined ? undefined : Number(part)));
    if (!parts) return undefined;
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
    if (year < 1970 || year > 2038 || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
    if (hour > 23 || minute > 59 || second > 59) return undefined;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  },
  print: (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19),
};

/** Days as bits; a `!` stands for all others, and prints as them. `commas`: where the tools let them stand. */
const days = (
  name: string,
  expected: string,
  every: number,
  commas: RegExp,
  read: (word: string) => number | undefined,
) => ({
  names: [name] as const,
  arity: 1 as const,
  negatable: true,
  expected,
  read([word = '']: readonly string[], negated: boolean): number | undefined {
    if (!commas.test(word)) return undefined;
    let bits = 0;
    for (const part of word.split(',')) {
      if (part === '') continue;
      const day = read(part);
      if (day === undefined) return undefined;
      bits |= 1 << day;
    }
    // No day at all is what the tools print as nothing, and cannot read back.
    return (negated ? every & ~bits : bits) >>> 0 || undefined;
  },
});

const monthDays: Option<number> = {
  ...days('--monthdays', 'days of the month, 1–31, separated by commas', ALL_MONTH_DAYS, /./, (word) => {
    const day = /^\d{1,2}$/.test(word) ? Number(word) : 0;
    return day >= 1 && day <= 31 ? day : undefined;
  }),
  print: (bits) => `--monthdays ${numbersIn(bits).join(',')}`,
};

const weekDays: Option<number> = {
  ...days(
    '--weekdays',
    'days of the week, Mon–Sun or 1–7, separated by commas',
    ALL_WEEK_DAYS,
    /^[^,]+(,[^,]+)*,?$/,
    (word) => {
      if (/^[1-7]$/.test(word)) return Number(word);
      const at = WEEK_DAYS.findIndex((name) => name.slice(0, 2) === word.slice(0, 2));
      return at < 0 ? undefined : at + 1;
    },
  ),
  print: (bits) =>
    `--weekdays ${numbersIn(bits)
      .map((day) => WEEK_DAYS[day - 1])
      .join(',')}`,
};

const numbersIn = (bits: number): number[] =>
  Array.from({ length: 31 }, (_, index) => index + 1).filter((bit) => (bits & (1 << bit)) !== 0);

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';

/** `TIME from 08:00:00 to 18:00:00 on Mon,Tue on 1st,2nd starting from 2026-01-01 00:00:00 UTC`. */
const LISTED: readonly ListedPart[] = [
  [/from (\S+) to (\S+)/, '--timestart $1 --timestop $2'],
  [new RegExp(`on (${DAY}(?:,${DAY})*)`), '--weekdays $1'],
  [/on (\d\S+)/, (days) => `--monthdays ${days.replace(/[a-z]/g, '')}`],
  [/starting from (\S+) (\S+)/, '--datestart $1T$2'],
  [/until date (\S+) (\S+)/, '--datestop $1T$2'],
  // Without the word UTC it is the kernel's own zone.
  [/(UTC)?/, (zone) => (zone === '' ? '--kerneltz' : '')],
  [/contiguous/, '--contiguous'],
];

/** `-m time`. Source: iptables-extensions(8), time; libxt_time.c; net/netfilter/xt_time.c. */
export const time: MatchExtension<TimeOptions> = {
  name: 'time',
  options: {
    from: value(['--timestart'], timeOfDay),
    until: value(['--timestop'], timeOfDay),
    monthDays,
    weekDays,
    start: value(['--datestart'], date),
    stop: value(['--datestop'], date),
    kernelZone: flag('--kerneltz', '--localtz'),
    utc: { ...flag('--utc'), print: () => '' },
    contiguous: flag('--contiguous'),
  },
  listed: listedAfter(/TIME/, ...LISTED),
  refuse({ from = 0, until = DAY_END, contiguous, kernelZone, utc }) {
    if (kernelZone && utc) return '--utc and --kerneltz exclude each other';
    return contiguous && from <= until ? '--contiguous needs a --timestop before the --timestart' : undefined;
  },
  complete(options) {
    const { from = 0, until = DAY_END, monthDays: inMonth, weekDays: inWeek, start = 0, kernelZone } = options;
    return {
      ...(from !== 0 || until !== DAY_END ? { from, until } : {}),
      ...(inMonth === undefined || inMonth === ALL_MONTH_DAYS ? {} : { monthDays: inMonth }),
      ...(inWeek === undefined || inWeek === ALL_WEEK_DAYS ? {} : { weekDays: inWeek }),
      ...(start === 0 ? {} : { start }),
      stop: options.stop ?? LAST_DATE,
      ...(kernelZone ? { kernelZone } : {}),
      ...(options.contiguous ? { contiguous: true as const } : {}),
    };
  },
  predicate(options) {
    const { start = 0, stop = LAST_DATE, kernelZone } = options;
    const inUtc = all(isIn('time', [start, stop]), dayTime(options));
    return kernelZone ? inKernelZone(inUtc) : inUtc;
  },
};

/**
 * From one time of day to another, both included, over midnight where the second is less, all day where they are the same; on
 * which days. With `--contiguous` the hours after midnight belong to the day before. Source: xt_time.c, time_mt.
 */
function dayTime(options: TimeOptions): Predicate {
  const { from = 0, until = DAY_END, contiguous } = options;
  const today = onDays(options, 'monthDay', 0);
  if (from === until || (from === 0 && until === DAY_END)) return today;
  if (from < until) return all(isIn('timeOfDay', [from, until]), today);
  if (!contiguous) return all(isIn('timeOfDay', [0, until], [from, DAY_END]), today);
  const yesterday = onDays(options, 'monthDayBefore', 1);
  return some(all(isIn('timeOfDay', [0, until]), yesterday), all(isIn('timeOfDay', [from, DAY_END]), today));
}

/** On one of the days; `later`: so many days after it. */
function onDays(
  { weekDays: inWeek, monthDays: inMonth }: TimeOptions,
  monthDay: 'monthDay' | 'monthDayBefore',
  later: number,
): Predicate {
  const days = inWeek === undefined ? [] : numbersIn(inWeek).map((day) => (day + later) % 7);
  return all(
    inWeek === undefined ? ALWAYS : isIn('weekday', ...alone(days.toSorted((one, other) => one - other))),
    inMonth === undefined ? ALWAYS : isIn(monthDay, ...alone(numbersIn(inMonth))),
  );
}

/** Each day by itself: a reader is told their names. */
const alone = (days: readonly number[]): readonly Range[] => days.map((day) => [day, day]);
