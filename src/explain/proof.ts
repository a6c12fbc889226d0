import { FAMILIES, type Family } from '../address/index.ts';
import { type Cut, type Direction, type End, type PacketSet, reach, TooComplex } from '../analysis/index.ts';
import { type BypassRequest, isOver, virtualInterfaces, withNativeSets } from '../interception/index.ts';
import { type Effect, isNamed, type Leaf, rulesRead, type Snapshot, TCP } from '../netfilter/index.ts';
import { trace } from '../trace/index.ts';
import { toHere } from './here.ts';
import { everySpoken, isTurned, type Moved, movedBetween, part, type Spoken, spoken } from './moved.ts';

/** What is known of a bypass for all packets. */
export interface Proof {
  /** What it is for: from the proxy to elsewhere. */
  readonly moved: readonly Moved[];
  /** What else it would change. */
  readonly beyond: readonly Moved[];
  /** What it is for and would still go to the proxy. */
  readonly left: readonly Spoken[];
  /** Why it is not known of some packets, one clause each. */
  readonly open: readonly string[];
}

/** Exactly what was asked for changes, and nothing else does. */
export const isExact = ({ beyond, left, open }: Proof): boolean =>
  beyond.length === 0 && left.length === 0 && open.length === 0;

/** What the proxy took for this host, and the rules then let in nowhere: who called the port no longer reaches anybody. */
export const cutOff = ({ moved }: Pick<Proof, 'moved'>): readonly Moved[] =>
  moved.filter(({ bound, before, after }) => bound === 'here' && before.kind !== 'dropped' && isRefused(after));

/** Whether nothing that was asked for reaches anybody. */
export const cutsAll = ({ moved }: Pick<Proof, 'moved'>): boolean =>
  moved.some(({ bound }) => bound === 'here') &&
  moved.every(({ bound, after }) => bound !== 'here' || isRefused(after));

const isRefused = ({ kind }: End): boolean => kind === 'dropped' || kind === 'rejected';

/**
 * Compares the rules before and after a bypass for all packets of both families, coming in and going out. When the bypass ends is no
 * part of it: what is compared is what holds until then.
 */
export function proveBypass(
  before: Snapshot,
  after: Snapshot,
  request: BypassRequest,
  proxyPorts: readonly number[],
): Proof {
  const proof = {
    moved: [] as Moved[],
    beyond: [] as Moved[],
    left: [] as Proof['left'][number][],
    open: [] as string[],
  };
  for (const family of FAMILIES.filter((one) => rulesRead(before, one))) {
    const virtual = virtualIn(before, family);
    for (const direction of ['in', 'out'] as const) {
      try {
        compareOne({ before, after, request, proxyPorts, family, direction, virtual }, proof);
      } catch (error) {
        if (!(error instanceof TooComplex)) throw error;
        proof.open.push(error.message);
      }
    }
  }
  return proof;
}

/** The same without an end: what holds until then. */
export const withoutEnd = ({ until: _, ...request }: BypassRequest): BypassRequest => request;

interface Compared {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly request: BypassRequest;
  readonly proxyPorts: readonly number[];
  readonly family: Family;
  readonly direction: Direction;
  readonly virtual: readonly Leaf[];
}

type Found = { readonly [K in keyof Proof]: Proof[K][number][] };

function compareOne(compared: Compared, found: Found): void {
  const { before, after, request, proxyPorts, family, direction } = compared;
  const cuts = [toPorts(request)];
  for (const one of movedBetween(before, after, proxyPorts, family, direction, cuts)) {
    const { packets, sure, before: was, after: is } = one;
    if (!sure) found.open.push(openClause(was, is));
    const wanted = isTurned(is, proxyPorts) ? packets.minus(packets) : asking(is, askedOf(packets, compared));
    const asked = isTurned(was, proxyPorts) || isLostOnTheWay(was, wanted, compared) ? wanted : packets.minus(packets);
    const rest = packets.minus(asked);
    // What is for others is dropped where nobody takes it any more; what is for this host is not to be.
    const mine = isRefused(is) && before.interfaces ? toHere(asked, before, family) : asked;
    for (const packets of [mine, asked.minus(mine)]) if (!packets.isEmpty) found.moved.push(part(one, packets, before));
    if (!rest.isEmpty) found.beyond.push(part(one, rest, before));
  }
  if (direction === 'out' && !request.self) return;
  for (const { end, possibly } of reach({ snapshot: after, proxyPorts }, family, direction, cuts)) {
    const packets = sentElsewhere(askedOf(spoken(possibly, before, family), compared), end);
    if (isTurned(end, proxyPorts) && !packets.isEmpty)
      found.left.push({ family, direction, packets, among: everySpoken(packets, before, family) });
  }
}

const openClause = (before: End, after: End): string =>
  before.kind === 'unknown'
    ? before.because
    : after.kind === 'unknown'
      ? after.because
      : 'part of what decides it is open';

/** Whether these were dropped on the way to the proxy, as far as one of them shows: others' rules may drop what is none of its. */
function isLostOnTheWay(end: End, packets: PacketSet, { before, proxyPorts }: Compared): boolean {
  const question = end.kind === 'dropped' ? packets.witness() : undefined;
  if (!question) return false;
  const turns = (effect: Effect): boolean =>
    effect.kind === 'tproxy' ||
    (effect.kind === 'nat' && effect.change !== 'source' && proxyPorts.includes(effect.ports?.[0] ?? 0));
  return trace(before, question, proxyPorts).steps.some(
    (step) => step.kind === 'rule' && [step.effect, ...(step.effects ?? [])].some((effect) => effect && turns(effect)),
  );
}

/** Those of these packets that end at another port than they ask for. */
const sentElsewhere = (packets: PacketSet, end: End): PacketSet =>
  'port' in end && end.port !== 'own'
    ? packets.minus(packets.where({ kind: 'in', field: 'destinationPort', ranges: [[end.port, end.port]] }))
    : packets;

/** Those of these packets that come to the port they ask for: to let a port pass is not to send it to another one. */
function asking(end: End, packets: PacketSet): PacketSet {
  if ((end.kind !== 'app' && end.kind !== 'nobody listens') || end.port === 'own') return packets;
  return packets.where({ kind: 'in', field: 'destinationPort', ranges: [[end.port, end.port]] });
}

/**
 * Those of these packets that the bypass is for: inbound tcp to the ports, but of machines behind this one, and calls from here to here
 * where they are asked for.
 */
function askedOf(packets: PacketSet, { before, request, family, direction, virtual }: Compared): PacketSet {
  if (isOver(request) || request.families?.includes(family) === false) return packets.minus(packets);
  const tcp = packets.where({ kind: 'in', field: 'protocol', ranges: [[TCP, TCP]] }).where(toPorts(request));
  if (direction === 'in') return virtual.reduce((left, leaf) => left.minus(left.where(leaf)), tcp);
  return request.self ? toHere(tcp, before, family) : tcp.minus(tcp);
}

/** The interfaces behind which a machine's traffic counts as outbound. */
const virtualIn = (snapshot: Snapshot, family: Family): readonly Leaf[] =>
  withNativeSets(snapshot)
    .held.filter(({ rules }) => rules.family === family)
    .flatMap(({ rules }) => virtualInterfaces(rules))
    .map((name) => isNamed('in', name));

const toPorts = ({ ports }: BypassRequest): Cut => ({ kind: 'in', field: 'destinationPort', ranges: ports });
