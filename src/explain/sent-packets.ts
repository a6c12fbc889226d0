import { type AddressValue, FAMILIES, type Family, type PortRange, parseAddress } from '../address/index.ts';
import { type Cut, type Direction, type PacketSet, reach, TooComplex } from '../analysis/index.ts';
import type { BypassRequest } from '../interception/index.ts';
import {
  ICMP,
  ICMPV6,
  isNftRule,
  type Leaf,
  type Packet,
  type Rule,
  rulesRead,
  type Snapshot,
  TCP,
  UDP,
} from '../netfilter/index.ts';
import { type Outcome, prepare, type Question, type Step } from '../trace/index.ts';
import { fromHere, toHere } from './here.ts';
import { movedBetween } from './moved.ts';
import { questionWords } from './packet.ts';
import { allBut } from './ports.ts';
import { placeOf } from './witnesses.ts';

/** A packet that is to show what was proved of many. */
export interface SentWitness {
  readonly question: Question;
  /** Where it ends by the rules before, and by those after. */
  readonly before: Outcome;
  readonly after: Outcome;
}

/** Packets to send, and those that are not sent although they would show something. */
export interface ToSend {
  readonly packets: readonly SentWitness[];
  /** Why not, one clause each. */
  readonly left: readonly string[];
}

/**
 * The card by which packets come in that are sent to see what becomes of them, and who sends them: addresses of the networks that
 * are kept for examples, so nobody's. Source: RFC 5737, RFC 3849.
 */
export const WITNESS_NETWORK = {
  ipv4: { card: '192.0.2.241', length: 28, source: '192.0.2.242' },
  ipv6: { card: '2001:db8:ffff:fffe::1', length: 64, source: '2001:db8:ffff:fffe::2' },
} as const;

/** More are not sent. */
const MOST = 24;

const addressIn = (text: string): AddressValue => parseAddress(text)!.value;

/** A snapshot as it is while the card is there. */
export function withCard(snapshot: Snapshot, card: string): Snapshot {
  const { interfaces, routes } = snapshot;
  if (!interfaces) return snapshot;
  const addresses = FAMILIES.map((family) => {
    const { card: own, length } = WITNESS_NETWORK[family];
    return { family, value: addressIn(own), length, secondary: false, scope: 'global' as const };
  });
  const network = addresses.map(({ family, value, length }) => ({
    family,
    table: MAIN,
    kind: 'unicast' as const,
    destination: typeof value === 'number' ? (value & ~15) >>> 0 : (value >> 64n) << 64n,
    length,
    device: card,
    metric: 0,
  }));
  return {
    ...snapshot,
    interfaces: [...interfaces, { name: card, index: 0, up: true, addresses }],
    ...(routes ? { routes: [...routes, ...network] } : {}),
  };
}

/** Source: linux/rtnetlink.h, RT_TABLE_MAIN. */
const MAIN = 254;

/**
 * The packets to send through the kernel before and after a bypass: for each way in which packets move one that does, and for each
 * end that packets have one that stays. They come in by `card`, or a process here sends them. Left out is what would leave
 * anything behind: what is answered, and what passes a rule that remembers it or hands it to a program.
 */
export function packetsToSend(
  givenBefore: Snapshot,
  givenAfter: Snapshot,
  { ports }: Pick<BypassRequest, 'ports'>,
  proxyPorts: readonly number[],
  card: string,
): ToSend {
  if (!givenBefore.interfaces) return { packets: [], left: ['the interfaces of this namespace were not read'] };
  const [before, after] = [withCard(givenBefore, card), withCard(givenAfter, card)];
  const [was, is] = [before, after].map((snapshot) => prepare(snapshot, proxyPorts));
  const found = new Map<string, SentWitness>();
  const left = new Set<string>();
  for (const family of FAMILIES.filter((one) => rulesRead(before, one) && speaks(givenBefore, one))) {
    for (const direction of ['in', 'out'] as const) {
      const compared = { before, after, ports, proxyPorts, family, direction, card };
      for (const packets of kinds(compared, left)) {
        const question = witnessOf(packets, compared, found.size);
        if (!question) continue;
        const [one, other] = [was!(question), is!(question)];
        const trouble = troubleIn([...one.steps, ...other.steps]);
        if (trouble !== undefined) left.add(trouble);
        else if (![one, other].some(({ outcome }) => isSilent(outcome, card)))
          found.set(questionWords(question), { question, before: one.outcome, after: other.outcome });
      }
    }
  }
  const all = [...found.values()];
  return { packets: [...all.filter(moves), ...all.filter((one) => !moves(one))].slice(0, MOST), left: [...left] };
}

/** Whether the change moves it. */
export const moves = ({ before, after }: SentWitness): boolean => placeOf(before) !== placeOf(after);

/** What is answered is not sent; of what is not known nothing can be told; nobody sends anything by the card. */
const isSilent = (outcome: Outcome, card: string): boolean =>
  ['rejected', 'unknown', 'answered'].includes(outcome.kind) || ('out' in outcome && outcome.out === card);

const speaks = ({ interfaces = [] }: Snapshot, family: Family): boolean =>
  interfaces.some(({ addresses }) => addresses.some((one) => one.family === family && one.scope === 'global'));

interface Compared {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly ports: readonly PortRange[];
  readonly proxyPorts: readonly number[];
  readonly family: Family;
  readonly direction: Direction;
  readonly card: string;
}

/** Sets of packets that move, and of those that do not: to other ports, first of all to the next ones. */
function kinds(compared: Compared, left: Set<string>): readonly PacketSet[] {
  const { before, after, ports, proxyPorts, family, direction, card } = compared;
  const source = addressIn(WITNESS_NETWORK[family].source);
  const [tcpAndSuch, nobody, others, next]: readonly Leaf[] = [
    { kind: 'in', field: 'protocol', ranges: SENT[family].map((one) => [one, one]) },
    { kind: 'in', field: 'source', ranges: [[source, source]] },
    { kind: 'in', field: 'destinationPort', ranges: allBut(ports) },
    { kind: 'in', field: 'destinationPort', ranges: beside(ports) },
  ];
  const cuts = [tcpAndSuch, others, next, ...(direction === 'in' ? [nobody] : [])] as readonly Cut[];
  const sendable = (packets: PacketSet): PacketSet => {
    const opening = packets.opening.ordinary.where(tcpAndSuch!);
    if (direction === 'out') return fromHere(opening, before, family);
    const arriving = toHere(opening, before, family)
      .where({ kind: 'name', field: 'in', text: card, prefix: false })
      .where({ kind: 'bits', field: 'mark', mask: 0xffff_ffff, value: 0 });
    const nobodys = arriving.where(nobody!);
    return nobodys.isEmpty ? arriving : nobodys;
  };
  try {
    const moved = movedBetween(before, after, proxyPorts, family, direction, cuts).map(({ packets }) => packets);
    const ends = reach({ snapshot: before, proxyPorts }, family, direction, cuts).map(({ surely }) => surely);
    return [...moved, ...[next, others].flatMap((leaf) => ends.map((packets) => packets.where(leaf!)))]
      .map(sendable)
      .filter(({ isEmpty }) => !isEmpty);
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    left.add(error.message);
    return [];
  }
}

/** Protocols of which a packet is made. */
const SENT: Readonly<Record<Family, readonly number[]>> = { ipv4: [ICMP, TCP, UDP], ipv6: [TCP, UDP, ICMPV6] };

/** The next ports below and above. */
const beside = (ports: readonly PortRange[]): readonly PortRange[] =>
  allBut(ports).flatMap(([low, high]): PortRange[] => (low === 0 ? [[high, high]] : [[low, low]]));

/** Above the ports that the kernel gives to programs by itself. Source: ip-sysctl.rst, ip_local_port_range. */
const NOBODYS_PORTS = 61_000;

/**
 * A packet of a set, as it can be sent: from an address or a port that is nobody's, so that it belongs to no connection that
 * there is, of the length that it then has, and without a mark where it comes in. Undefined: the set has none.
 */
function witnessOf(packets: PacketSet, { family, direction, card }: Compared, number: number): Question | undefined {
  const question = packets.witness()!;
  const { packet } = question;
  const ported = packet.protocol === TCP || packet.protocol === UDP;
  const nobodys = packet.source === addressIn(WITNESS_NETWORK[family].source) || !ported;
  const sent: Packet = {
    ...packet,
    ...(direction === 'in' ? { in: card } : {}),
    ...(nobodys ? {} : { sourcePort: NOBODYS_PORTS + number }),
    ...(packet.length === undefined ? {} : { length: HEADER[family] + (packet.protocol === TCP ? 20 : 16) }),
  };
  return packets.holds({ packet: sent }) ? { ...question, packet: sent } : undefined;
}

/** Bytes. Source: RFC 791, RFC 8200. */
const HEADER: Readonly<Record<Family, number>> = { ipv4: 20, ipv6: 40 };

/** Matches and targets that remember a packet, or hand it to somebody. */
const REMEMBERING: ReadonlySet<string> = new Set([
  ...(['recent', 'hashlimit', 'quota', 'connlimit', 'nfacct', 'limit', 'statistic', 'rateest'] as const),
  ...(['SET', 'NFQUEUE', 'TEE', 'SYNPROXY', 'IDLETIMER', 'LED', 'RATEEST', 'HMARK'] as const),
]);

/** … and nft's own statements that do. */
const NATIVE_REMEMBERING: ReadonlySet<string> = new Set([
  ...(['limit', 'quota', 'limit-reference', 'quota-reference', 'connection-limit', 'last', 'set', 'meter'] as const),
  ...(['queue', 'dup', 'fwd', 'synproxy', 'xt'] as const),
]);

/** Why a packet is not sent: a rule on its way that it would leave something behind in. */
function troubleIn(steps: readonly Step[]): string | undefined {
  for (const step of steps) {
    if (step.kind !== 'rule') continue;
    const place = `${step.table} ${step.chain} ${step.number}`;
    if (isNftRule(step.rule)) {
      const word = step.rule.statements.find(({ kind }) => NATIVE_REMEMBERING.has(kind))?.kind;
      if (word !== undefined) return `${place} (${word}) would remember it`;
      continue;
    }
    const word = asked(step.rule, step.answer === 'passed by' ? step.decisive?.part : undefined).find((name) =>
      REMEMBERING.has(name),
    );
    if (word !== undefined) return `${place} (${word}) would remember it`;
  }
  return undefined;
}

/** The matches and the target of a rule that a packet met, up to the one that it did not meet. */
function asked({ matches, target }: Rule, last: string | undefined): readonly string[] {
  const names = matches.map(({ name }) => name);
  if (last !== undefined) return names.slice(0, names.indexOf(last) + 1);
  return [...names, ...(target && 'name' in target ? [target.name] : [])];
}
