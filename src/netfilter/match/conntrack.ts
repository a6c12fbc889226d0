import {
  type Family,
  formatAddress,
  highest,
  lengthOf,
  masked,
  type PortRange,
  type Prefix,
  parsePrefix,
} from '../../address/index.ts';
import { bitNames, decimalPorts, parseNumber } from '../codec.ts';
import { type Codec, type MatchExtension, negatable, value } from '../extension.ts';
import { CTSTATE, CTSTATUS, type ValueField } from '../fields.ts';
import { type ListedPart, listed } from '../listed.ts';
import {
  ALWAYS,
  all,
  hasAnyBit,
  hasBits,
  is,
  isIn,
  NEVER,
  not,
  type Predicate,
  some,
  unknown,
  unless,
} from '../predicate.ts';
import { ICMP, ICMPV6, protocolNumber } from '../protocol.ts';
import type { Negatable } from '../rules.ts';
import { stateNames } from './state.ts';

/** Bits that `--ctstate` takes besides the states: the connection has been mapped. */
const STATES = {
  ...stateNames,
  SNAT: 1 << 8,
  DNAT: 1 << 9,
} as const;

/** Bits of `--ctstatus`; NONE is no bit at all. */
const STATUS = { NONE: 0, EXPECTED: 1, SEEN_REPLY: 2, ASSURED: 4, CONFIRMED: 8 } as const;

const DIRECTIONS = ['ORIGINAL', 'REPLY'] as const;
type Direction = (typeof DIRECTIONS)[number];

/** An inclusive range of seconds. */
type Seconds = readonly [low: number, high: number];

export interface ConntrackOptions {
  /** Bits of CTSTATE, 256 for SNAT and 512 for DNAT. */
  readonly state?: Negatable<number>;
  readonly protocol?: Negatable<number>;
  readonly originalSource?: Negatable<Prefix>;
  readonly originalDestination?: Negatable<Prefix>;
  readonly replySource?: Negatable<Prefix>;
  readonly replyDestination?: Negatable<Prefix>;
  readonly originalSourcePort?: Negatable<PortRange>;
  readonly originalDestinationPort?: Negatable<PortRange>;
  readonly replySourcePort?: Negatable<PortRange>;
  readonly replyDestinationPort?: Negatable<PortRange>;
  readonly status?: Negatable<number>;
  readonly expire?: Negatable<Seconds>;
  readonly direction?: Direction;
}

const state = bitNames('connection states', STATES, 'cut');

const namesOf = bitNames('connection statuses', STATUS, 'cut');
const status: Codec<number> = {
  ...namesOf,
  print: (bits) => namesOf.print(bits, 'ipv4') || 'NONE',
};

const protocol: Codec<number> = {
  expected: 'a protocol by name or number',
  read: protocolNumber,
  print: String,
};

/** The tools keep the host bits of these addresses, print no /32, and have no words for a mask with holes. */
const address: Codec<Prefix> = {
  expected: 'an address of the rule set’s family, with a prefix length if need be: 10.0.0.0/8',
  read(word, family) {
    const slash = word.indexOf('/');
    const host = parsePrefix(slash < 0 ? word : word.slice(0, slash));
    const prefix = slash < 0 ? host : parsePrefix(word);
    if (!host || !prefix || prefix.family !== family || lengthOf(family, prefix.mask) === undefined) return undefined;
    return { family, value: host.value, mask: prefix.mask };
  },
  print(prefix, family) {
    const length = lengthOf(family, prefix.mask);
    const host = formatAddress(family, prefix.value);
    return prefix.mask === highest(family) ? host : `${host}/${length}`;
  },
};

const seconds: Codec<Seconds> = {
  expected: 'a number of seconds, or a range like 10:20',
  read(word) {
    const at = word.indexOf(':');
    const low = parseNumber(at < 0 ? word : word.slice(0, at) || '0', 0xffff_ffff);
    const high = at < 0 ? low : parseNumber(word.slice(at + 1) || '4294967295', 0xffff_ffff);
    return low === undefined || high === undefined ? undefined : [low, high];
  },
  print: ([low, high]) => (low === high ? String(low) : `${low}:${high}`),
};

const direction: Codec<Direction> = {
  expected: 'ORIGINAL or REPLY',
  read: (word) => DIRECTIONS.find((name) => name === word.toUpperCase()),
  print: (name) => name,
};

/** The packet belongs to a connection: neither INVALID nor UNTRACKED. */
export const tracked: Predicate = hasAnyBit('ctstate', CTSTATE.NEW | CTSTATE.ESTABLISHED | CTSTATE.RELATED);

/** Its options in the order in which `iptables -L` shows them, each under its own name. */
const LISTED = [
  ...['ctstate', 'ctproto', 'ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst', 'ctorigsrcport', 'ctorigdstport'],
  ...['ctreplsrcport', 'ctrepldstport', 'ctstatus', 'ctexpire', 'ctdir'],
];

const shown = listed(...LISTED.map((name): ListedPart => [new RegExp(`(! )?${name} (\\S+)`), `$1 --${name} $2`]));

/** A state that a packet without a connection may have, and more. */
const ONE_OR_TWO = /^\s*(?:!\s+--ctstate \S+|--ctstate \S*(?:INVALID|UNTRACKED)\S*)\s.*--/;
const NOT_HOW_MANY = 'the listing does not tell whether one conntrack match asks for all of it, or two do';

/** `-m conntrack`. Source: iptables-extensions(8), conntrack; net/netfilter/xt_conntrack.c. */
export const conntrack: MatchExtension<ConntrackOptions> = {
  name: 'conntrack',
  options: {
    state: negatable(['--ctstate'], state),
    protocol: negatable(['--ctproto'], protocol),
    originalSource: negatable(['--ctorigsrc'], address),
    originalDestination: negatable(['--ctorigdst'], address),
    replySource: negatable(['--ctreplsrc'], address),
    replyDestination: negatable(['--ctrepldst'], address),
    originalSourcePort: negatable(['--ctorigsrcport'], decimalPorts),
    originalDestinationPort: negatable(['--ctorigdstport'], decimalPorts),
    replySourcePort: negatable(['--ctreplsrcport'], decimalPorts),
    replyDestinationPort: negatable(['--ctrepldstport'], decimalPorts),
    status: negatable(['--ctstatus'], status),
    expire: negatable(['--ctexpire'], seconds),
    direction: value(['--ctdir'], direction),
  },
  listed(line, at) {
    const found = shown(line, at);
    // Without a connection one match looks at the state alone, and two are never true at once.
    return found && ONE_OR_TWO.test(found.words ?? '') ? { ...found, unshown: NOT_HOW_MANY } : found;
  },
  refuse: (options) => (Object.keys(options).length === 0 ? 'conntrack needs at least one option' : undefined),
  predicate(options, { family }) {
    const rest = all(...ofConnection(options, family));
    if (!options.state) return all(tracked, rest);
    // Without a connection the kernel looks at the state alone.
    return all(ofState(options.state), rest === ALWAYS ? ALWAYS : some(not(tracked), rest));
  },
};

function ofState({ value: bits, negated }: Negatable<number>): Predicate {
  const parts: Predicate[] = [];
  if ((bits & 0xff) !== 0) parts.push(hasAnyBit('ctstate', bits & 0xff));
  const mapped = (bits & STATES.SNAT ? CTSTATUS.SNAT : 0) | (bits & STATES.DNAT ? CTSTATUS.DNAT : 0);
  if (mapped !== 0) parts.push(all(tracked, hasAnyBit('ctstatus', mapped)));
  return unless(negated, some(...parts));
}

function ofConnection(options: ConntrackOptions, family: Family): Predicate[] {
  const parts: Predicate[] = [];
  const address = (field: ValueField, option: Negatable<Prefix> | undefined): void => {
    if (option) parts.push(unless(option.negated, withinPrefix(field, option.value, family)));
  };
  const port = (field: ValueField, option: Negatable<PortRange> | undefined): void => {
    if (option)
      parts.push(unless(option.negated, option.value[0] > option.value[1] ? NEVER : isIn(field, option.value)));
  };
  // The two directions of a connection share its protocol.
  if (options.protocol) parts.push(unless(options.protocol.negated, hasProtocol(options.protocol.value, family)));
  address('ctorigsrc', options.originalSource);
  address('ctorigdst', options.originalDestination);
  address('ctreplsrc', options.replySource);
  address('ctrepldst', options.replyDestination);
  port('ctorigsrcport', options.originalSourcePort);
  port('ctorigdstport', options.originalDestinationPort);
  port('ctreplsrcport', options.replySourcePort);
  port('ctrepldstport', options.replyDestinationPort);
  if (options.status) {
    const { value: bits, negated } = options.status;
    parts.push(unless(negated, bits === 0 ? NEVER : hasAnyBit('ctstatus', bits)));
  }
  if (options.expire) parts.push(unknown('how long the connection still lives is not known'));
  if (options.direction) parts.push(inDirection(options.direction));
  return parts;
}

/** An ICMP error belongs to the connection of the packet that it is about, whose protocol is another one. */
export const aboutAnother = (family: Family): { readonly when: Predicate; readonly because: string } => ({
  when: all(is('protocol', family === 'ipv4' ? ICMP : ICMPV6), hasAnyBit('ctstate', CTSTATE.RELATED)),
  because: 'the protocol of the packet that an ICMP error is about is not known',
});

function hasProtocol(value: number, family: Family): Predicate {
  const { when, because } = aboutAnother(family);
  const same = is('protocol', value);
  return value === (family === 'ipv4' ? ICMP : ICMPV6)
    ? all(same, some(not(when), unknown(because)))
    : some(same, all(when, unknown(because)));
}

const withinPrefix = (field: ValueField, { value: host, mask }: Prefix, family: Family): Predicate =>
  mask === highest(family) ? is(field, host) : hasBits(field, mask, masked(host, mask));

const inDirection = (wanted: Direction): Predicate => is('ctreply', wanted === 'REPLY' ? 1 : 0);
