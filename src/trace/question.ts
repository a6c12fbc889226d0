import { type AddressValue, FAMILIES, type Family, formatAddress } from '../address/index.ts';
import { CTSTATE, clockAt, makePacket, type Packet, rulesRead, type Snapshot, TCP, UDP } from '../netfilter/index.ts';
import { firstState } from './conntrack.ts';
import { type Assume, headerOf, kernelZoneIn, nowFor, protocolIn, unsaidOf } from './defaults.ts';
import { errorQuestion, readErrorExpression } from './error-question.ts';
import { type Expression, readExpression } from './expression.ts';
import {
  ASSUMED,
  type Host,
  hostOf,
  isLoopback,
  isMulticast,
  isOwn,
  LOOPBACK,
  primaryAddress,
  sourceTowards,
} from './host.ts';
import { lookUp } from './lookup.ts';
import { QuestionRefused } from './refused.ts';
import type { Question, ReplyAsked } from './result.ts';

export { QuestionRefused } from './refused.ts';

/** What a packet gets that the expression does not say. An app's uid is any that is not the proxy's. */
const DEFAULT = { port: 40000, uid: 1000 } as const;

/**
 * Reads a packet as people say it. What is left out takes a default, each of which is one of the question's
 * `assumptions`. The grammar stands in README.md.
 *
 * `now` is in milliseconds, as Date.now() gives; it is the packet's time unless the expression says another.
 * Throws QuestionRefused with the place of what cannot be read.
 *
 * @example parseQuestion('in tcp/8888', snapshot).assumptions // ['source 10.0.0.9:40000 assumed', …]
 */
export function parseQuestion(
  expression: string,
  snapshot: Snapshot,
  options: { readonly family?: Family; readonly now?: number } = {},
): Question {
  const error = readErrorExpression(expression);
  if (error) {
    return errorQuestion(error, (about) => {
      try {
        return parseQuestion(about, snapshot, options);
      } catch (refusal) {
        if (!(refusal instanceof QuestionRefused)) throw refusal;
        throw new QuestionRefused(expression, refusal, refusal.what, refusal.hint);
      }
    });
  }
  const read = readExpression(expression);
  const family = familyOf(read, options.family) ?? likelyFamily(snapshot);
  const host = hostOf(snapshot, family);
  const assumptions: string[] = [];
  const assume: Assume = (clause, why) => void assumptions.push(`${clause} assumed${why ? ` (${why})` : ''}`);
  const ends = read.way === 'in' ? arriving(read, host, assume) : departing(read, host, assume);
  const owner = read.way === 'in' ? {} : ownerOf(read, assume);
  const header = headerOf(read, family, assume);
  const unsaid = unsaidOf(read, snapshot, { family, destination: ends.destination, tcpFlags: header.tcpFlags }, assume);
  const time = read.time ?? nowFor(snapshot, options.now, assume);
  const packet = makePacket({
    family,
    protocol: protocolIn(read, family),
    fragment: read.fragment ? 1 : 0,
    ...ends,
    ...owner,
    ...header,
    dscp: read.dscp,
    ecn: read.ecn,
    ...unsaid,
    mark: read.mark ?? 0,
    ctstate: stateOf(
      read,
      { protocol: protocolIn(read, family), tcpFlags: undefined, icmpType: undefined, ...header },
      assume,
    ),
    ...clockAt(time),
    kernelZone: kernelZoneIn(snapshot),
  });
  const direction = read.way === 'in' ? 'in' : 'out';
  return {
    direction,
    packet,
    ...(direction === 'out' && read.via !== undefined ? { via: read.via } : {}),
    ...(direction === 'out' && read.source.address === undefined ? { unbound: true as const } : {}),
    assumptions,
    ...(read.reply ? { reply: replyIn(read) } : {}),
  };
}

/** What is said of the reply: in an open connection, with these flags. */
const replyIn = ({ state, flags }: Expression): ReplyAsked => ({
  later: state === CTSTATE.ESTABLISHED,
  ...(flags === undefined ? {} : { tcpFlags: flags }),
});

function familyOf({ text, family, places }: Expression, wanted: Family | undefined): Family | undefined {
  if (family && wanted && family !== wanted) {
    const word = places.get('destination') ?? places.get('source') ?? places.get('protocol')!;
    const spoken = { ipv4: 'IPv4', ipv6: 'IPv6' };
    const what = `"${word.text}" is ${spoken[family]}, but ${spoken[wanted]} was asked for`;
    throw new QuestionRefused(text, word, what, 'Leave the family out: the address tells it.');
  }
  return family ?? wanted;
}

/** The family whose rules were read; else the one that others can reach this host by; else IPv4. */
function likelyFamily(snapshot: Snapshot): Family {
  const read = FAMILIES.filter((family) => rulesRead(snapshot, family));
  const reachable = FAMILIES.filter((family) =>
    snapshot.interfaces?.some(
      ({ name, addresses }) =>
        name !== LOOPBACK && addresses.some((address) => address.family === family && address.scope !== 'link'),
    ),
  );
  const [only] = read.length === 1 ? read : reachable.length === 1 ? reachable : [];
  return only ?? 'ipv4';
}

type Ends = Pick<Packet, 'in' | 'out' | 'source' | 'destination' | 'sourcePort' | 'destinationPort'>;

/** Whether a packet has ports; of what is neither TCP nor UDP, where the expression says one. */
const hasPorts = ({ protocol, destination, source }: Expression): boolean =>
  protocol === TCP || protocol === UDP || destination.port !== undefined || source.port !== undefined;

const spoken = (family: Family, address: AddressValue, port: number | undefined): string => {
  const text = formatAddress(family, address);
  return port === undefined ? text : family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
};

/** Says what was made up of one end. */
function assumeSource(read: Expression, host: Host, source: AddressValue, assume: Assume): number | undefined {
  const port = hasPorts(read) ? (read.source.port ?? DEFAULT.port) : undefined;
  if (read.source.address === undefined) {
    assume(`source ${spoken(host.family, source, read.source.port === undefined ? port : undefined)}`);
  } else if (read.source.port === undefined && port !== undefined) assume(`source port ${port}`);
  return port;
}

/** A packet from elsewhere. */
function arriving(read: Expression, host: Host, assume: Assume): Ends {
  const { family } = host;
  const onCard = primaryAddress(host, read.on ?? host.card, 0);
  const destination = read.destination.address ?? onCard ?? ASSUMED.own[family];
  const source = read.source.address ?? another(host, destination);
  const sourcePort = assumeSource(read, host, source, assume);
  if (read.destination.address === undefined) assume(`destination ${formatAddress(family, destination)}`);
  else if (!host.known && !read.via) assume(`${formatAddress(family, destination)}`, 'an address of this host');
  const on = read.on ?? arrivesBy(read, host, destination);
  if (read.on === undefined) assume(`interface ${on}`);
  return { in: on, out: read.via ?? '', source, destination, sourcePort, destinationPort: read.destination.port };
}

/** The interface by which the source would be answered, or the one that has the destination's address. */
function arrivesBy({ source }: Expression, host: Host, destination: AddressValue): string {
  const back =
    host.known && source.address !== undefined
      ? lookUp(host, { destination: source.address, mark: 0, marked: false }, () => false)
      : undefined;
  if (back?.kind === 'device') return back.device;
  const holder = host.interfaces.find(({ addresses }) => addresses.some(({ value }) => value === destination));
  return holder === undefined || holder.name === LOOPBACK ? host.card : holder.name;
}

/** An address that is not this host's. */
const another = (host: Host, own: AddressValue): AddressValue => {
  const other = ASSUMED.other[host.family];
  return other === own || isOwn(host, other) ? ASSUMED.own[host.family] : other;
};

/** A packet of this host's own. */
function departing(read: Expression, host: Host, assume: Assume): Ends {
  const { family } = host;
  const own = primaryAddress(host, host.card, 0) ?? ASSUMED.own[family];
  refuseMany(read, family);
  const given = read.destination.address;
  // Connecting to no address in particular is connecting to oneself. Source: ip_route_output_key, tcp_v6_connect.
  const self = given !== undefined && Number(given) === 0 ? (read.source.address ?? loopback(family)) : undefined;
  const destination = self ?? given ?? (read.way === 'self' ? own : another(host, own));
  if (self !== undefined)
    assume(formatAddress(family, self), `what ${formatAddress(family, given!)} means to a sender`);
  const source = read.source.address ?? sourceFor(read, host, destination);
  const sourcePort = assumeSource(read, host, source, assume);
  if (read.destination.address === undefined) {
    assume(
      `destination ${formatAddress(family, destination)}`,
      read.way === 'self' ? 'its own address' : 'another host',
    );
  }
  const leaves = !isOwn(host, destination, !host.known && destination === source) && read.way !== 'self';
  const on = read.on ?? read.via;
  if (!host.known && leaves && on === undefined) assume(`interface ${host.card}`);
  return { in: '', out: on ?? '', source, destination, sourcePort, destinationPort: read.destination.port };
}

const loopback = (family: Family): AddressValue => (family === 'ipv4' ? 0x7f00_0001 : 1n);

/** TCP speaks to one host. Source: tcp_v4_connect and tcp_v6_connect, ENETUNREACH. */
function refuseMany({ text, places, protocol, destination: { address } }: Expression, family: Family): void {
  if (protocol !== TCP || address === undefined) return;
  if (!isMulticast(family, address) && address !== 0xffff_ffff) return;
  const what = `${formatAddress(family, address)} is many hosts, and TCP speaks to one`;
  const hint = 'The kernel refuses to connect: the network is unreachable. Did you mean udp?';
  throw new QuestionRefused(text, places.get('destination')!, what, hint);
}

/** The source that the kernel would choose: the destination itself where it is this host's, else the card's address. */
function sourceFor(read: Expression, host: Host, destination: AddressValue): AddressValue {
  const { family } = host;
  if (isLoopback(family, destination)) return loopback(family);
  if (read.way === 'self' || isOwn(host, destination)) return destination;
  const { protocol, uid = DEFAULT.uid } = read;
  const ports = hasPorts(read)
    ? { sourcePort: read.source.port ?? DEFAULT.port, destinationPort: read.destination.port }
    : {};
  // Before its source is chosen it has none.
  const flow = { source: family === 'ipv4' ? 0 : 0n, in: LOOPBACK, uid, protocol, ...ports };
  const routed = lookUp(host, { destination, mark: read.mark ?? 0, marked: false, ...flow }, () => true);
  const chosen = routed.kind === 'device' ? sourceTowards(host, routed, { destination }) : undefined;
  return chosen ?? (destination === ASSUMED.own[family] ? ASSUMED.other[family] : ASSUMED.own[family]);
}

function ownerOf(read: Expression, assume: Assume): Partial<Pick<Packet, 'owned' | 'uid' | 'gid'>> {
  if (read.unowned) return {};
  const uid = read.uid ?? DEFAULT.uid;
  const gid = read.gid ?? uid;
  if (read.uid === undefined && read.gid === undefined) assume(`uid and gid ${uid}`, 'an app, not the proxy');
  else if (read.uid === undefined) assume(`uid ${uid}`, 'an app, not the proxy');
  else if (read.gid === undefined) assume(`gid ${gid}`);
  return { owned: 1, uid, gid };
}

function stateOf(read: Expression, packet: Parameters<typeof firstState>[0], assume: Assume): number {
  if (read.state !== undefined && !read.reply) return read.state;
  const state = firstState(packet);
  if (state === CTSTATE.INVALID) assume('state invalid', 'it begins no connection');
  if (state === CTSTATE.UNTRACKED) assume('state untracked', 'such messages always are');
  return state;
}
