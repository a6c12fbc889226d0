import type { Packet } from './packet.ts';
import { all, is, not, type Predicate, some, unknown } from './predicate.ts';

/** What rules ask of the clock: fields that all follow from `time`. */
export type Clock = Pick<Packet, 'time' | 'timeOfDay' | 'weekday' | 'monthDay' | 'monthDayBefore'>;

/** Seconds of a day. */
export const DAY = 86_400;

/** The days of the week as nft and the field `weekday` number them, from 0. */
export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

/** Seconds of a day as a clock shows them: `08:30:00`. */
export const timeOfDayWord = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(11, 19);

/**
 * The clock's fields at a time, in seconds since 1970, all in UTC. Source: xt_time.c, localtime_1 to localtime_3; nft_meta.c.
 *
 * @example clockAt(0) // { time: 0, timeOfDay: 0, weekday: 4, monthDay: 1, monthDayBefore: 31 }
 */
export function clockAt(time: number | undefined): Clock {
  if (time === undefined)
    return {
      time,
      timeOfDay: undefined,
      weekday: undefined,
      monthDay: undefined,
      monthDayBefore: undefined,
    };
  const at = new Date(time * 1000);
  return {
    time,
    timeOfDay: time % DAY,
    weekday: at.getUTCDay(),
    monthDay: at.getUTCDate(),
    monthDayBefore: new Date((time - DAY) * 1000).getUTCDate(),
  };
}

/**
 * What goes by the time zone of the kernel is followed where that is UTC, as it is unless somebody has set it (hwclock,
 * timedatectl): what another one does was never seen. Source: xt_time.c and nft_meta.c, sys_tz.
 *
 * @param inUtc what it means in UTC
 */
export function inKernelZone(inUtc: Predicate): Predicate {
  const utc = is('kernelZone', 0);
  return some(
    all(utc, inUtc),
    all(not(utc), unknown('the time zone of the kernel is not UTC, and times in another one are not followed')),
  );
}
