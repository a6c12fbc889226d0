import { lengthOf, parseIpv4, parseIpv6, widthOf } from '../../address/index.ts';
import { asWord, integer, parseNumber } from '../codec.ts';
import { type Codec, flag, type MatchExtension, type Option, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { choice } from '../predicate.ts';

/** A rate as the kernel holds it: what one packet, or sixteen bytes, cost. */
export interface HashRate {
  readonly above: boolean;
  readonly bytes: boolean;
  /** Packets: millionths of a second. Bytes: a share of 2³². */
  readonly cost: number;
  /** How long an entry lives by itself, in milliseconds: the unit that the rate is given in. */
  readonly unit: number;
}

export interface HashlimitOptions {
  readonly rate?: HashRate;
  readonly burst?: { readonly amount: number; readonly bytes: boolean };
  /** Bits of MODES. */
  readonly mode?: number;
  readonly name?: string;
  readonly size?: number;
  readonly most?: number;
  readonly interval?: number;
  readonly expire?: number;
  readonly sourceLength?: number;
  readonly destinationLength?: number;
  /** Compares the flow's rate instead of limiting it. */
  readonly rateMatch?: true;
  /** Seconds over which the rate is taken. */
  readonly rateInterval?: number;
}

const MODES = { srcip: 2, srcport: 8, dstip: 1, dstport: 4 } as const;
/** Source: XT_HASHLIMIT_SCALE_v2 in xt_hashlimit.h. */
const SECOND = 1_000_000;
const UNITS = [
  { name: 'day', full: 'day', seconds: 86_400 },
  { name: 'hour', full: 'hour', seconds: 3_600 },
  { name: 'min', full: 'minute', seconds: 60 },
  { name: 'sec', full: 'second', seconds: 1 },
] as const;
/** Source: XT_HASHLIMIT_BYTE_EXPIRE and XT_HASHLIMIT_BYTE_EXPIRE_BURST. */
const BYTES_EXPIRE = { plain: 15_000, burst: 60_000 } as const;
const SIZES = { m: 1 << 20, k: 1 << 10, '': 1 } as const;

const UINT32 = 0xffff_ffff;
/** Sixteen bytes are one unit. Source: bytes_to_cost and cost_to_bytes in libxt_hashlimit.c. */
const costOf = (bytes: number): number => Math.floor(UINT32 / (Math.floor(bytes / 16) + 1));
const bytesOf = (cost: number): number => (Math.floor(UINT32 / cost) - 1) * 16;

/** `512kb/s`; anything else with a slash or without is packets, whatever stands behind the digits. */
function readRate(word: string): Omit<HashRate, 'above'> | undefined {
  const [, amount, size = ''] = /^(\d{1,15})([km]?)b\/s/.exec(word) ?? [];
  if (amount !== undefined) {
    const bytes = Number(amount) * SIZES[size as keyof typeof SIZES];
    // `0b/s` is what the tools print for fewer than sixteen, and do not take themselves.
    return bytes === 0 && size !== '' ? undefined : { bytes: true, cost: costOf(bytes), unit: BYTES_EXPIRE.plain };
  }
  const [, digits = '', unit = 'second'] = /^(\d{1,9})[^/]*(?:\/([a-z]+))?$/i.exec(word) ?? [];
  const of = UNITS.find(({ full }) => full.startsWith(unit.toLowerCase()));
  const count = Number(digits);
  if (!of || count === 0) return undefined;
  const cost = Math.floor((of.seconds * SECOND) / count);
  return cost > 0 ? { bytes: false, cost, unit: of.seconds * 1000 } : undefined;
}

/** The largest unit that can be written without losing more than a division's remainder. */
function unitOf(cost: number): (typeof UNITS)[number] {
  let unit: (typeof UNITS)[number] = UNITS[0];
  for (const next of UNITS.slice(1)) {
    const period = next.seconds * SECOND;
    if (cost > period || Math.floor(period / cost) < period % cost) break;
    unit = next;
  }
  return unit;
}

function printRate({ bytes, cost }: HashRate): string {
  if (!bytes) {
    const { name, seconds } = unitOf(cost);
    return `${Math.floor((seconds * SECOND) / cost)}/${name}`;
  }
  const amount = bytesOf(cost);
  // The tools round in 32 bits before they look whether the rounded amount costs the same.
  const exact = (size: number): boolean => amount >= size && costOf((amount & ~(size - 1)) >>> 0) === cost;
  const name = exact(SIZES.m) ? 'm' : exact(SIZES.k) ? 'k' : '';
  return `${Math.floor(amount / SIZES[name])}${name}b/s`;
}

const rate = (names: readonly [string, ...string[]], above: boolean): Option<HashRate> => ({
  names,
  arity: 1,
  negatable: true,
  expected: 'a rate like 5/second, 3/minute or 10/hour, at most 1000000/second, or 512kb/s',
  read([word = ''], negated) {
    const of = readRate(word);
    return of && { ...of, above: above !== negated };
  },
  print: (of) => `--hashlimit-${of.above ? 'above' : 'upto'} ${printRate(of)}`,
});

const packets = integer('a number of packets', 1, 1_000_000);

const burst: Option<{ readonly amount: number; readonly bytes: boolean }> = {
  names: ['--hashlimit-burst'],
  arity: 1,
  negatable: false,
  expected: 'a number of packets up to 1000000, or of bytes like 512kb',
  read([word = '']) {
    const [, digits, size = ''] = /^(\d{1,15})([km]?)b$/.exec(word) ?? [];
    // What does not fit into 32 bits loses its upper part.
    const amount =
      digits === undefined
        ? // What is no unit is not looked at: 600x is 600.
          packets.read(word.replace(/^(?!0x)(\d+)[^\dkmb].*$/, '$1'), 'ipv4')
        : (Number(digits) * SIZES[size as keyof typeof SIZES]) % (UINT32 + 1);
    return amount === undefined ? undefined : { amount, bytes: false };
  },
  print({ amount, bytes }) {
    if (!bytes) return `--hashlimit-burst ${amount}`;
    const name = amount >= SIZES.m ? 'm' : amount >= SIZES.k ? 'k' : '';
    return `--hashlimit-burst ${Math.floor(amount / SIZES[name])}${name}b`;
  },
};

/** Empty parts say nothing. */
const mode: Codec<number> = {
  expected: 'srcip, srcport, dstip and dstport, separated by commas',
  read(word) {
    let bits = 0;
    for (const name of word.split(',')) {
      if (name !== '' && !Object.hasOwn(MODES, name)) return undefined;
      bits |= MODES[name as keyof typeof MODES] ?? 0;
    }
    return bits;
  },
  print: (bits) =>
    Object.entries(MODES)
      .filter(([, bit]) => (bits & bit) !== 0)
      .map(([name]) => name)
      .join(','),
};

/** The name of a file in /proc/net/ipt_hashlimit. */
const table: Codec<string> = {
  expected: 'the name of a table: no slash in it, and 255 characters at most',
  read: (word) =>
    word === '' || word === '.' || word === '..' || /\//.test(word) || word.length > 255 ? undefined : word,
  print: asWord,
};

const prefix: Codec<number> = {
  expected: 'the length of a prefix, or a mask like 255.255.255.0',
  read(word, family) {
    const number = parseNumber(word, widthOf(family));
    if (number !== undefined) return number;
    const mask = family === 'ipv4' ? parseIpv4(word) : parseIpv6(word);
    return mask === undefined ? undefined : lengthOf(family, mask);
  },
  print: String,
};

const count = (name: string, what: string, lowest = 0): Option<number> => value([name], integer(what, lowest, UINT32));

/** What the kernel holds of a burst at a rate: where that overflows its 64 bits, it refuses the rule. Source: user2credits in net/netfilter/xt_hashlimit.c. */
const credits = (cost: number, times: number): bigint => BigInt.asUintN(64, BigInt(cost) * BigInt(times) * PER_SECOND);

/** HZ × CREDITS_PER_JIFFY, divided by XT_HASHLIMIT_SCALE_v2: the same for every HZ from 250 to 1000. */
const PER_SECOND = (1000n << 37n) / BigInt(SECOND);

/** With --hashlimit-rate-match so many packets a minute are as many a second, over sixty of them. */
const heldCost = ({ bytes, cost, unit }: HashRate, rateMatch: true | undefined): number =>
  rateMatch && !bytes ? Math.floor((cost * 1000) / unit) : cost;

/** How much a byte rule lets pass at once: whole multiples of what it lets pass in a second. */
const wholeBursts = (amount: number, cost: number): number =>
  (Math.ceil(amount / bytesOf(cost)) * bytesOf(cost)) % (UINT32 + 1);

/** `-m hashlimit`. Source: iptables-extensions(8), hashlimit; libxt_hashlimit.c; net/netfilter/xt_hashlimit.c. */
export const hashlimit: MatchExtension<HashlimitOptions> = {
  name: 'hashlimit',
  options: {
    rate: [rate(['--hashlimit-upto', '--hashlimit'], false), rate(['--hashlimit-above'], true)],
    burst,
    mode: value(['--hashlimit-mode'], mode),
    name: value(['--hashlimit-name'], table),
    size: count('--hashlimit-htable-size', 'a number of buckets'),
    most: count('--hashlimit-htable-max', 'a number of entries'),
    interval: count('--hashlimit-htable-gcinterval', 'a number of milliseconds', 1),
    expire: count('--hashlimit-htable-expire', 'a number of milliseconds', 1),
    sourceLength: value(['--hashlimit-srcmask'], prefix),
    destinationLength: value(['--hashlimit-dstmask'], prefix),
    rateMatch: flag('--hashlimit-rate-match'),
    rateInterval: count('--hashlimit-rate-interval', 'a number of seconds', 1),
  },
  required: ['rate', 'name'],
  refuse({ rate: of, burst: once, rateMatch }) {
    if (!of) return undefined;
    const amount = once?.amount ?? 5;
    if (of.bytes) {
      const least = bytesOf(of.cost);
      if (!once || (least > 0 && amount >= least)) return undefined;
      return 'the burst is below what the rate lets pass in a second';
    }
    if (amount < 1 || amount > 1_000_000) return '--hashlimit-burst is a number of packets from 1 to 1000000';
    const cost = heldCost(of, rateMatch);
    if (cost > 0 && credits(cost, amount) >= credits(cost, 1)) return undefined;
    return 'the kernel cannot count such a burst at such a rate';
  },
  complete(options, family) {
    const { rate: of, mode: by, size, most, interval, expire, sourceLength, destinationLength, rateMatch } = options;
    if (!of) return options;
    const cost = heldCost(of, rateMatch);
    const seconds = options.rateInterval ?? (of.bytes ? 1 : of.unit / 1000);
    const ofBytes = options.burst ? BYTES_EXPIRE.burst : BYTES_EXPIRE.plain;
    const unit = of.bytes ? ofBytes : unitOf(cost).seconds * 1000;
    const lives = expire ?? (of.bytes ? ofBytes : of.unit);
    return withoutAbsent({
      ...options,
      rate: { ...of, cost, unit },
      ...burstOf(of, options.burst),
      mode: by || undefined,
      size: size ? Math.min(size, MOST_BUCKETS) : undefined,
      most: most || undefined,
      interval: interval === 1000 ? undefined : interval,
      expire: lives === unit ? undefined : lives,
      sourceLength: sourceLength === widthOf(family) ? undefined : sourceLength,
      destinationLength: destinationLength === widthOf(family) ? undefined : destinationLength,
      rateInterval: rateMatch && seconds !== 1 ? seconds : undefined,
    });
  },
  listed: listed([
    new RegExp(
      [
        /limit: (?:up to|above) \d+(?:\/\w+|[km]?b\/s)/,
        ...[/burst \d+[km]?b?/, /mode [a-z-]+/, /htable-size \d+/, /htable-max \d+/, /htable-gcinterval \d+/],
        ...[/htable-expire \d+/, /srcmask \d+/, /dstmask \d+/, /rate-match/, /rate-interval \d+/],
      ]
        .map(({ source }, at) => (at === 0 ? source : `(?: ${source})?`))
        .join(''),
    ),
    undefined,
    () => 'the listing does not name the table of a hashlimit match (--hashlimit-name)',
  ]),
  // A packet of a flow that finds no place in the table is dropped. Source: hashlimit_mt_common.
  mayDrop: {
    full: ({ name, most }) => `the table ${name} of hashlimit${most ? `, of ${most} entries,` : ''}`,
    // A listing does not name the table.
    listed: { pattern: /\blimit: (?:up to|above) /, full: 'a table of hashlimit' },
  },
  predicate: ({ rate: of, name }) =>
    choice(
      `hashlimit ${name} ${of?.above} ${of?.cost}`,
      `it depends on how much has passed (${of?.above ? 'above' : 'up to'} ${of ? printRate(of) : ''})`,
    ),
};

/** The keys that have a value. */
const withoutAbsent = (options: { readonly [Key in keyof HashlimitOptions]: HashlimitOptions[Key] | undefined }) =>
  Object.fromEntries(Object.entries(options).filter(([, of]) => of !== undefined)) as HashlimitOptions;

/** Source: the size that libxt_hashlimit.c cuts down to, by experiment. */
const MOST_BUCKETS = 1 << 20;

function burstOf(of: HashRate, once: HashlimitOptions['burst']): Pick<HashlimitOptions, 'burst'> {
  if (!of.bytes) return { burst: { amount: once?.amount ?? 5, bytes: false } };
  return once ? { burst: { amount: wholeBursts(once.amount, of.cost), bytes: true } } : {};
}
