import { type Family, type PortRange, parsePortRange, union } from '../address/index.ts';
import { type Problem, RequestRefused } from './refused.ts';

/** What should pass the proxy by. */
export interface BypassRequest {
  /** Sorted and apart, as `parsePorts` leaves them. For an undo, none means all. */
  readonly ports: readonly PortRange[];
  /** Those that were named one by one, though a range may hold them too. */
  readonly named?: readonly number[];
  /** Absent: both. */
  readonly families?: readonly Family[];
  /** Change the mesh's own list of inbound ports instead of adding a rule before it. */
  readonly edit?: boolean;
  /** Also the calls that processes here make to this host's own address. */
  readonly self?: boolean;
  /**
   * Where nothing is intercepted yet: put the rules where an interception of this mode will look, once the mesh has come.
   * (In a pod, other init containers may run before the mesh's own.) Where something is intercepted it has no effect.
   */
  readonly ahead?: 'REDIRECT' | 'TPROXY';
  /** Right before the rule that catches, not at the top of the chain: what others' rules before it take stays theirs. */
  readonly behind?: boolean;
  /**
   * Own calls that come in again have a rule of their own, for this host's addresses alone: where one for all that comes in would let
   * more pass, because routes of a TPROXY send what has a mark to `lo`.
   */
  readonly narrow?: boolean;
  /** The last second, since 1970, in which it holds. */
  readonly until?: number;
  /**
   * By so many seconds a bypass that is there may end earlier and is still the one that is asked for. What is asked for as a
   * span of time ends later with every run; so a run that follows at once changes nothing.
   */
  readonly leeway?: number;
  /** The clock: seconds since 1970. */
  readonly now: number;
}

const EXPECTED = 'a port from 1 to 65535, or a range like 9000-9010';

/**
 * Ports as people type them: `8888`, `9000-9010`, `9000:9010`, `80,443`, in one word or several. Sorted, and joined
 * where they touch.
 *
 * @throws RequestRefused that names every word which is none.
 * @example parsePorts(['8888', '9000-9010']) // [[8888, 8888], [9000, 9010]]
 */
export function parsePorts(words: readonly string[]): readonly PortRange[] {
  const problems: Problem[] = [];
  const ranges: PortRange[] = [];
  for (const item of words) {
    const parts = item.split(',').map((part) => part.trim());
    for (const word of parts.filter((part) => part !== '')) {
      const range = parsePortRange(word, word.includes('-') ? '-' : ':');
      // An open end (`9000:`) is iptables' own form; `-9000` would be an option.
      if (range && range[0] > 0 && !/^-|-$/.test(word)) ranges.push(range);
      else problems.push({ about: 'port', value: word, expected: EXPECTED, ...causeOf(word) });
    }
    // One complaint for a word, however many commas it has too many.
    if (parts.every((part) => part === '')) {
      problems.push({
        about: 'ports',
        value: item === '' ? '""' : item,
        expected: EXPECTED,
        cause: 'There is none in it.',
      });
    } else if (parts.includes(''))
      problems.push({ about: 'ports', value: item, expected: EXPECTED, cause: 'There is a comma too many.' });
  }
  if (problems.length > 0) throw new RequestRefused(problems);
  return union(ranges) as unknown as readonly PortRange[];
}

/** The ports that words name one by one, beside ranges: in `8000-9000 8888` it is 8888. */
export const namedPorts = (words: readonly string[]): readonly number[] => [
  ...new Set(
    words.flatMap((item) => item.split(',')).flatMap((item) => (/^\s*\d+\s*$/.test(item) ? [Number(item)] : [])),
  ),
];

function causeOf(word: string): { cause?: string } {
  const [low, high] = word.split(/[-:]/).map(Number);
  if (/^\d+$/.test(word)) return { cause: word === '0' ? 'Nobody listens on port 0.' : 'The highest port is 65535.' };
  if (/^\d+[-:]\d+$/.test(word) && low !== undefined && high !== undefined && low > high)
    return { cause: `A range goes from the lower port to the higher: ${high}-${low}.` };
  const number = (/^(?:tcp\/|:)(\d+)$/i.exec(word) ?? /^(\d+)\/tcp$/i.exec(word))?.[1];
  if (number !== undefined) return { cause: `The number alone is enough: ${number}.` };
  if (/^(?:udp|sctp)\b|\/(?:udp|sctp)$/i.test(word))
    return { cause: 'A bypass is for tcp that comes in; meshes turn nothing else there.' };
  if (/[a-z].*\.|[./].*[a-z]/i.test(word)) return { cause: 'Rules in a file are read by --from FILE.' };
  if (/^[a-z]/i.test(word)) return { cause: 'Names of services differ from machine to machine: give the number.' };
  return {};
}

/** The last second that `-m time --datestop` can name. Source: libxt_time.c, which takes years up to 2038. */
const LAST_SECOND = 0x7fff_ffff;

/**
 * Whether what an init container was to do (`ahead`) has had its time: a pod that starts later must start all the same.
 * Anybody else who asks for an end that is over has mistyped it.
 */
export const isOver = ({ ahead, until, now }: BypassRequest): boolean =>
  ahead !== undefined && until !== undefined && until <= now;

/** @throws RequestRefused when the request cannot be carried out as it stands. */
export function checkRequest(request: BypassRequest): void {
  const { ports, until, now } = request;
  const problems: Problem[] = [];
  if (ports.length === 0) problems.push({ about: 'ports', value: '', expected: EXPECTED });
  if (until !== undefined && until <= now && !isOver(request)) {
    const expected = 'a time that is still to come';
    problems.push({ about: 'expiry', value: inUtc(until), expected, cause: `It is ${inUtc(now)} now.` });
  }
  if (until !== undefined && until > LAST_SECOND) {
    const cause = 'The kernel’s tools know no later date.';
    problems.push({ about: 'expiry', value: '', expected: `a time before ${inUtc(LAST_SECOND)}`, cause });
  }
  if (problems.length > 0) throw new RequestRefused(problems);
}

/** How many seconds a second run of a span may be apart from the first and still change nothing: at most a minute. */
export const leewayOf = (span: number): number => Math.min(60, Math.floor(span / 10));

/** Whether a bypass that ends then (undefined: never) is the one that is asked for. */
export function isWantedEnd(end: number | undefined, { until, leeway = 0, now }: BypassRequest): boolean {
  if (end === undefined || until === undefined) return end === until;
  return end >= now && end <= until && end >= until - leeway;
}

/** Seconds since 1970 as `-m time` takes them: `2026-11-23T19:30:00`. */
export const asDateStop = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19);

/** `2026-11-23 19:30:00 UTC`. */
export const inUtc = (seconds: number): string => `${asDateStop(seconds).replace('T', ' ')} UTC`;
