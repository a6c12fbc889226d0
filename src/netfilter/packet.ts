import type { AddressValue, Family } from '../address/index.ts';
import { CTSTATE, IPV6_HEADERS, SOCKET_LOOKUP, TCP_FLAGS } from './fields.ts';
import { ESP, NO_NEXT, TCP } from './protocol.ts';

/**
 * One packet as netfilter sees it: its header, where it is, and what the kernel remembers of it. Names and units are
 * those of the field table. `undefined` means "not known": a match that reads it is answered "unknown".
 */
export interface Packet {
  readonly family: Family;
  /** '' where there is none: no incoming interface in OUTPUT, no outgoing one in PREROUTING. */
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly source: AddressValue | undefined;
  readonly destination: AddressValue;
  readonly protocol: number;
  readonly ttl: number | undefined;
  readonly length: number | undefined;
  readonly fragment: number | undefined;
  readonly dscp: number | undefined;
  readonly ecn: number | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  readonly tcpFlags: number | undefined;
  readonly icmpType: number | undefined;
  readonly icmpCode: number | undefined;
  readonly spi: number | undefined;
  readonly headers: number | undefined;
  readonly packetType: number | undefined;
  readonly ipsec: number | undefined;
  readonly mark: number | undefined;
  readonly ctmark: number | undefined;
  readonly ctstate: number | undefined;
  readonly ctstatus: number | undefined;
  readonly ctzone: number | undefined;
  readonly ctreply: number | undefined;
  readonly ctorigsrc: AddressValue | undefined;
  readonly ctorigdst: AddressValue | undefined;
  readonly ctreplsrc: AddressValue | undefined;
  readonly ctrepldst: AddressValue | undefined;
  readonly ctorigsrcport: number | undefined;
  readonly ctorigdstport: number | undefined;
  readonly ctreplsrcport: number | undefined;
  readonly ctrepldstport: number | undefined;
  readonly owned: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly socketLookup: number | undefined;
  readonly sourceType: number | undefined;
  readonly destinationType: number | undefined;
  readonly sourceTypeIn: number | undefined;
  readonly destinationTypeIn: number | undefined;
  readonly sourceTypeOut: number | undefined;
  readonly destinationTypeOut: number | undefined;
  readonly reversePath: number | undefined;
  readonly markedReversePath: number | undefined;
  readonly fibWayBack: number | undefined;
  readonly markedFibWayBack: number | undefined;
  readonly fibSource: number | undefined;
  readonly markedFibSource: number | undefined;
  readonly fibDestination: number | undefined;
  readonly markedFibDestination: number | undefined;
  readonly sourceMac: number | undefined;
  readonly destinationMac: number | undefined;
  readonly time: number | undefined;
  readonly timeOfDay: number | undefined;
  readonly weekday: number | undefined;
  readonly monthDay: number | undefined;
  readonly monthDayBefore: number | undefined;
  readonly kernelZone: number | undefined;
}

/** What IPv6 headers a packet has that nobody says more of: its last one alone, and that of a fragment. */
const usualHeaders = (protocol: number, fragment: number | undefined): number =>
  (protocol === ESP ? IPV6_HEADERS.esp : protocol === NO_NEXT ? IPV6_HEADERS['ipv6-nonxt'] : IPV6_HEADERS.protocol) |
  (fragment ? IPV6_HEADERS['ipv6-frag'] : 0);

/**
 * A packet with every field present, in one shape: a new TCP connection's SYN unless told otherwise. Give what is
 * different; give `undefined` for what is not known.
 *
 * @example makePacket({ family: 'ipv4', in: 'eth0', destination: 0x0a000005, destinationPort: 8888 })
 */
export function makePacket(given: Partial<Packet> & Pick<Packet, 'family' | 'destination'>): Packet {
  const protocol = given.protocol ?? TCP;
  return copyOf({
    in: '',
    out: '',
    source: undefined,
    protocol,
    ttl: undefined,
    length: undefined,
    fragment: 0,
    dscp: undefined,
    ecn: undefined,
    sourcePort: undefined,
    destinationPort: undefined,
    tcpFlags: protocol === TCP ? TCP_FLAGS.SYN : undefined,
    icmpType: undefined,
    icmpCode: undefined,
    spi: undefined,
    headers: usualHeaders(protocol, given.fragment),
    packetType: undefined,
    ipsec: undefined,
    mark: 0,
    ctmark: 0,
    ctstate: CTSTATE.NEW,
    ctstatus: 0,
    ctzone: 0,
    ctreply: 0,
    ctorigsrc: undefined,
    ctorigdst: undefined,
    ctreplsrc: undefined,
    ctrepldst: undefined,
    ctorigsrcport: undefined,
    ctorigdstport: undefined,
    ctreplsrcport: undefined,
    ctrepldstport: undefined,
    owned: 0,
    uid: undefined,
    gid: undefined,
    socketLookup: SOCKET_LOOKUP.none,
    sourceType: undefined,
    destinationType: undefined,
    sourceTypeIn: undefined,
    destinationTypeIn: undefined,
    sourceTypeOut: undefined,
    destinationTypeOut: undefined,
    reversePath: undefined,
    markedReversePath: undefined,
    fibWayBack: undefined,
    markedFibWayBack: undefined,
    fibSource: undefined,
    markedFibSource: undefined,
    fibDestination: undefined,
    markedFibDestination: undefined,
    sourceMac: undefined,
    destinationMac: undefined,
    time: undefined,
    timeOfDay: undefined,
    weekday: undefined,
    monthDay: undefined,
    monthDayBefore: undefined,
    kernelZone: undefined,
    ...given,
  });
}

/** A packet that may change on its way. */
export type LivePacket = { -readonly [F in keyof Packet]: Packet[F] };

/**
 * A copy, field by field: whoever follows many packets needs them all in one shape, whatever order they were told in, and a
 * spread costs several times as much.
 */
export const copyOf = (packet: Packet): LivePacket => ({
  family: packet.family,
  in: packet.in,
  out: packet.out,
  source: packet.source,
  destination: packet.destination,
  protocol: packet.protocol,
  ttl: packet.ttl,
  length: packet.length,
  fragment: packet.fragment,
  dscp: packet.dscp,
  ecn: packet.ecn,
  sourcePort: packet.sourcePort,
  destinationPort: packet.destinationPort,
  tcpFlags: packet.tcpFlags,
  icmpType: packet.icmpType,
  icmpCode: packet.icmpCode,
  spi: packet.spi,
  headers: packet.headers,
  packetType: packet.packetType,
  ipsec: packet.ipsec,
  mark: packet.mark,
  ctmark: packet.ctmark,
  ctstate: packet.ctstate,
  ctstatus: packet.ctstatus,
  ctzone: packet.ctzone,
  ctreply: packet.ctreply,
  ctorigsrc: packet.ctorigsrc,
  ctorigdst: packet.ctorigdst,
  ctreplsrc: packet.ctreplsrc,
  ctrepldst: packet.ctrepldst,
  ctorigsrcport: packet.ctorigsrcport,
  ctorigdstport: packet.ctorigdstport,
  ctreplsrcport: packet.ctreplsrcport,
  ctrepldstport: packet.ctrepldstport,
  owned: packet.owned,
  uid: packet.uid,
  gid: packet.gid,
  socketLookup: packet.socketLookup,
  sourceType: packet.sourceType,
  destinationType: packet.destinationType,
  sourceTypeIn: packet.sourceTypeIn,
  destinationTypeIn: packet.destinationTypeIn,
  sourceTypeOut: packet.sourceTypeOut,
  destinationTypeOut: packet.destinationTypeOut,
  reversePath: packet.reversePath,
  markedReversePath: packet.markedReversePath,
  fibWayBack: packet.fibWayBack,
  markedFibWayBack: packet.markedFibWayBack,
  fibSource: packet.fibSource,
  markedFibSource: packet.markedFibSource,
  fibDestination: packet.fibDestination,
  markedFibDestination: packet.markedFibDestination,
  sourceMac: packet.sourceMac,
  destinationMac: packet.destinationMac,
  time: packet.time,
  timeOfDay: packet.timeOfDay,
  weekday: packet.weekday,
  monthDay: packet.monthDay,
  monthDayBefore: packet.monthDayBefore,
  kernelZone: packet.kernelZone,
});
