import { type AddressValue, formatAddress } from '../address/index.ts';
import { CTSTATE, CTSTATUS, type Effect, inNetwork, PORTED } from '../netfilter/index.ts';
import { isIcmp } from './conditions.ts';
import { ACCEPTED, type Done } from './effects.ts';
import { ASSUMED, primaryAddress, sourceTowards } from './host.ts';
import type { CompiledRule } from './program.ts';
import type { Endpoint, Outcome } from './result.ts';
import { changed, nameOf, tracks, type Walk } from './state.ts';

type Nat = Extract<Effect, { readonly kind: 'nat' }>;

/** More choices than this of the kernel's are not followed one by one. */
const MOST_CHOICES = 8;

/** Carries out a nat target: the connection's destination or source is decided, and the table ends. */
export function mapConnection(walk: Walk, rule: CompiledRule, effect: Nat): Done {
  const mapped = mappingOf(walk, rule, effect);
  if ('kind' in mapped) return { verdict: mapped };
  const { address, port } = mapped;
  const destination = mapsDestination(walk);
  if (isAskedBack(walk)) {
    walk.source = endpoint(address, port === 'open' ? undefined : port);
    return { verdict: 'accept', note: 'the reset stays as it is' };
  }
  if (destination) {
    mapDestination(walk, { address, port });
    walk.mappedBy = rule;
  } else mapSource(walk, { address, port });
  return walk.steps
    ? { verdict: 'accept', note: noteOf(walk, destination ? 'destination' : 'source', { address, port }) }
    : ACCEPTED;
}

function noteOf({ packet: { family } }: Walk, change: Change, { address, port }: Mapped): string {
  const to = formatAddress(family, address);
  const shown = family === 'ipv6' && port !== undefined ? `[${to}]` : to;
  return `${change === 'destination' ? 'to' : 'from'} ${shown}${port === undefined || port === 'open' ? '' : `:${port}`}`;
}

/** Which end a hook maps: PREROUTING and OUTPUT the destination, the others the source. */
export const mapsDestination = ({ hook }: Pick<Walk, 'hook'>): boolean => hook === 'PREROUTING' || hook === 'OUTPUT';

/**
 * Whether nat, where it looks at sources, is asked about a reset of REJECT's: as long as nobody has decided on the source of the
 * connection that it refuses. What is decided then is the caller's: the reset is not rewritten by it.
 * Source: net/netfilter/nf_nat_core.c, nf_nat_inet_fn.
 */
export const isAskedBack = (walk: Walk): boolean =>
  walk.opening?.sourceOpen === true && walk.inside === undefined && !mapsDestination(walk);

/** What a nat target gives the packet, or what becomes of the packet instead. The walk is not changed. */
export function mappingOf(walk: Walk, rule: CompiledRule, effect: Nat): Mapped | Outcome {
  const change = mapsDestination(walk) ? 'destination' : 'source';
  const { chain } = rule;
  const mapped = effect.change === 'either' || effect.change === change;
  if ((chain.backend !== 'native' && chain.table !== 'nat') || !mapped)
    return unknown(rule, `the kernel refuses this target in ${chain.table} ${walk.hook}`);
  const address = addressFor(walk, rule, effect, change);
  if (typeof address === 'object') return address;
  return { address, port: portFor(walk, rule, effect, change) };
}

/** An address, and a port where the protocol has ports. */
export interface Mapped {
  readonly address: AddressValue;
  /** Absent: the port stays. `open`: the kernel chooses one, and nobody knows which. */
  readonly port: number | 'open' | undefined;
}

/** Gives the connection a new destination; the replies will come from there. One that changes nothing is not called DNAT. */
export function mapDestination(walk: Walk, { address, port }: Mapped): void {
  const { packet } = walk;
  const moves = address !== packet.destination || (port !== undefined && port !== packet.destinationPort);
  const known = port === 'open' ? undefined : port;
  packet.destination = address;
  packet.ctreplsrc = address;
  if (port !== undefined) {
    packet.destinationPort = known;
    packet.ctreplsrcport = known;
  }
  if (moves) packet.ctstatus = (packet.ctstatus ?? 0) | CTSTATUS.DNAT;
  walk.destination = endpoint(address, known);
  changed(walk);
}

/** Gives the connection a new source; the replies will go there. */
export function mapSource(walk: Walk, { address, port }: Mapped): void {
  const { packet } = walk;
  const moves = address !== packet.source || (port !== undefined && port !== packet.sourcePort);
  const known = port === 'open' ? undefined : port;
  packet.source = address;
  packet.ctrepldst = address;
  if (port !== undefined) {
    packet.sourcePort = known;
    packet.ctrepldstport = known;
  }
  if (moves) packet.ctstatus = (packet.ctstatus ?? 0) | CTSTATUS.SNAT;
  walk.source = endpoint(address, known);
  changed(walk);
}

const endpoint = (address: AddressValue, port: number | undefined): Endpoint => ({ address, port: port ?? 0 });

const unknown = (rule: CompiledRule, because: string): Outcome => ({
  kind: 'unknown',
  because: `${nameOf(rule)}: ${because}`,
});

type Change = 'source' | 'destination';

function addressFor(walk: Walk, rule: CompiledRule, { address }: Nat, change: Change): AddressValue | Outcome {
  const { packet } = walk;
  const kept = () =>
    (change === 'destination' ? packet.destination : packet.source) ??
    unknown(rule, 'the source of the packet is not known');
  switch (address) {
    case undefined:
      return kept();
    case 'here':
      return here(walk, rule);
    case 'outgoing':
      return outgoing(walk, rule);
    default: {
      if ('mask' in address) {
        const own = kept();
        return typeof own === 'object' ? own : inNetwork(own, address);
      }
      const [low, high] = address;
      const count = BigInt(high) - BigInt(low) + 1n;
      if (count > MOST_CHOICES || count < 1n) return unknown(rule, `the kernel chooses among ${count} addresses`);
      return choose(walk, rule, low, Number(count), 'the kernel chooses among several addresses');
    }
  }
}

/** `low` and the `count - 1` values after it: one of them, each followed in a walk of its own. */
function choose<T extends AddressValue>(walk: Walk, rule: CompiledRule, low: T, count: number, because: string): T {
  const plus = (n: number): T => (typeof low === 'bigint' ? low + BigInt(n) : Number(low) + n) as T;
  for (let n = 0; n < count - 1; n += 1) {
    const [where, yes] = [nameOf(rule), `the kernel chooses number ${n + 1} of ${count}`];
    if (walk.decide(`${walk.looked} ${because} ${n}`, { where, because, yes, no: 'it chooses another' }))
      return plus(n);
  }
  return plus(count - 1);
}

/** What REDIRECT means by "here". Source: netfilter-semantics 13; net/netfilter/nf_nat_redirect.c. */
function here(walk: Walk, rule: CompiledRule): AddressValue | Outcome {
  const { packet, ground, hook } = walk;
  if (hook === 'OUTPUT') return packet.family === 'ipv4' ? 0x7f00_0001 : 1n;
  if (!ground.host.known) return walk.own ?? ASSUMED.own[packet.family];
  if (packet.in === undefined) return unknown(rule, 'the incoming interface is not known');
  const own = primaryAddress(ground.host, packet.in, packet.family === 'ipv4' ? 0 : packet.destination);
  const family = packet.family === 'ipv4' ? 'IPv4' : 'IPv6';
  return own ?? { kind: 'dropped', because: `${nameOf(rule)} redirects, but ${packet.in} has no ${family} address` };
}

/** What MASQUERADE takes: the address that this host would itself send from. */
function outgoing(walk: Walk, rule: CompiledRule): AddressValue | Outcome {
  const { packet, ground, device, gateway } = walk;
  if (!ground.host.known) return (walk.direction === 'out' && walk.own) || ASSUMED.own[packet.family];
  const routed = { kind: 'device', device, ...(gateway === undefined ? {} : { gateway }) } as const;
  const own = sourceTowards(ground.host, routed, packet);
  return own ?? { kind: 'dropped', because: `${nameOf(rule)} masquerades, but this host has no address to send from` };
}

function portFor(walk: Walk, rule: CompiledRule, effect: Nat, change: Change): Mapped['port'] {
  const { ports, base, random } = effect;
  const { packet } = walk;
  // What ICMP has for a port is its id, which no rule can ask for.
  const asId = random && isIcmp(walk);
  if (!PORTED.has(packet.protocol)) return asId ? 'open' : undefined;
  if (!ports && random && change === 'source') return 'open';
  if (ports && ports[0] === ports[1]) return ports[0];
  const kept = change === 'destination' ? packet.destinationPort : packet.sourcePort;
  if (!ports) return kept;
  const low = ports[0];
  const high = ports[1];
  // Shifted ports: as far beyond the first as the packet's is beyond the base, and round again.
  if (base !== undefined && kept !== undefined) return low + (((kept - base) & 0xffff) % (high - low + 1));
  if (!random && kept !== undefined && kept >= low && kept <= high) return kept;
  // Who asks for it later has no answer: a rule, and of a destination's whoever looks for the socket.
  if (high - low >= MOST_CHOICES) return 'open';
  return choose(walk, rule, low, high - low + 1, 'the kernel chooses among several ports');
}

/** Why nat is not asked about this packet, or undefined where it is. Source: netfilter-semantics 4–7. */
export function natSilence(walk: Walk): string | undefined {
  const { connection, packet, hook } = walk;
  if (!tracks(walk)) return 'not asked: nothing here switches connection tracking on';
  if (connection === 'untracked') return 'not asked: the packet is untracked';
  if (connection !== 'tracked') return 'not asked: the packet is invalid, it belongs to no connection';
  const decided = mapsDestination({ hook }) ? walk.destinationDecided : walk.sourceDecided;
  if (decided) return 'not asked again: the connection has its mapping';
  const related = !walk.way && packet.ctstate === CTSTATE.RELATED && isIcmp(walk);
  return related ? 'not asked: the packet belongs to another connection' : undefined;
}
