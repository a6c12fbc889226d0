import type { AddressValue } from '../address/index.ts';
import {
  copyOf,
  type HookName,
  type Leaf,
  type Listener,
  type LivePacket,
  type Packet,
  type ReversePath,
} from '../netfilter/index.ts';
import type { Connection, Tuple, Way } from './connection.ts';
import type { Decide } from './decisions.ts';
import type { Host } from './host.ts';
import type { Leaving } from './interfaces.ts';
import type { CompiledRule, Program } from './program.ts';
import type { Direction, Endpoint, Step } from './result.ts';
import type { Listeners } from './sockets.ts';
import type { Witness } from './witness.ts';

/** What does not change from packet to packet: compiled once. */
export interface Ground {
  readonly program: Program;
  /** Why the rules of this family are not known; undefined where they are. */
  readonly unread: string | undefined;
  readonly host: Host;
  readonly listeners: readonly Listener[] | undefined;
  /** The same by their ports. */
  readonly sockets: Listeners | undefined;
  readonly proxyPorts: ReadonlySet<number>;
  /** Marks that TPROXY rules set: an ip rule of the mesh's own asks for them. */
  readonly handed: ReadonlySet<number>;
  /** Undefined: not read. */
  readonly forwards: boolean | undefined;
  /** Where no routes were read: the interfaces by which a packet may go on, and by which one of this host's own may leave when it is routed again. */
  readonly leaving: Leaving | undefined;
  /** Interfaces, or `all`, on which 127.0.0.0/8 may be routed. Undefined: not read. */
  readonly routeLocalnet: readonly string[] | undefined;
  /** Interfaces on which sources are looked at. Undefined: not read. */
  readonly rpFilter: readonly ReversePath[] | undefined;
  /** Both back ends may run first. */
  readonly orderUnknown: boolean;
}

/** The socket that a packet is given to. Without a listener, one is taken for granted. */
export interface Receiver {
  readonly port: number;
  readonly listener?: Listener;
  /** The listener in words. */
  readonly name?: string;
}

/** One packet's walk, while it lasts. */
export interface Walk {
  readonly ground: Ground;
  readonly direction: Direction;
  /** As the question put it, before anything happened. */
  readonly asked: Packet;
  /** On its way: changed in place, copied only when somebody looks. */
  readonly packet: LivePacket;
  /** Where the walk is written down; without it the same walk goes unrecorded. */
  readonly steps: Step[] | undefined;
  readonly decide: Decide;
  /** Whether anybody wants to know why it ends where it does: sentences cost more than most rules. */
  readonly why: boolean;
  /** What the walk takes for granted, one clause each; absent where nobody wants to know. */
  readonly assumptions: Set<string> | undefined;
  /** For a later packet of a connection: what is known of it. */
  readonly opening: Connection | undefined;
  /** Of an ICMP error: the ends of the packet inside, as they are. */
  inside: Tuple | undefined;
  /** The packet is sent by the side that was called: it looks for the caller. */
  readonly answering: boolean;
  /** The kernel chooses its source, for a socket that is bound to no address. */
  readonly unbound: boolean;
  /** By which device it leaves in the end, where the question says so of a packet of this host's own. */
  readonly via: string | undefined;
  /** Taken to be the host's own address where no interfaces are known. */
  readonly own: AddressValue | undefined;
  /** Tells whether an address is `own`, in place of a comparison: whoever follows many packets at once need not tell apart what `own` is. */
  readonly takesForOwn?: (address: AddressValue) => boolean;
  /** In the same way, whether the packet, as it is now, meets one of some conditions on a field that every packet has. */
  readonly meetsAny?: (field: 'protocol' | 'source' | 'in', conditions: readonly Leaf[]) => boolean;

  /** Who goes along. */
  witness: Witness | undefined;
  hook: HookName;
  pass: 1 | 2;
  /** What the packet holds of connection tracking: `template` is what `-j CT` leaves in raw. */
  connection: 'none' | 'template' | 'untracked' | 'tracked';
  /** Which way connection tracking takes it to go within `opening`; undefined where it does not know the connection. */
  way: Way | undefined;
  /** Whether nat has decided on the connection's source and destination. */
  destinationDecided: boolean;
  sourceDecided: boolean;
  /** Where nat sent it, and the source that nat gave it. */
  destination: Endpoint | undefined;
  source: Endpoint | undefined;
  /** The rule that mapped the destination, or handed the packet to a transparent listener. */
  mappedBy: CompiledRule | undefined;
  /** The socket that TPROXY assigned. */
  assigned: Receiver | undefined;
  receiver: Receiver | undefined;
  /** The device that the last routing decision chose. */
  device: string;
  /** No route told the device: it is one of several, and which of them only rules ask. */
  supposed: boolean;
  gateway: AddressValue | undefined;
  /** The mark was changed by a rule. */
  marked: boolean;
  /** Rules looked at so far: bounded. */
  looked: number;
  /** The addresses whose kinds the packet's fields tell. */
  typedSource: AddressValue | undefined;
  typedDestination: AddressValue | undefined;
  /** A copy of `packet` that is still true. */
  copy: Packet | undefined;
}

/** The packet as it is now, safe to keep. */
export function snapshotOf(walk: Walk): Packet {
  walk.copy ??= copyOf(walk.packet);
  return walk.copy;
}

/** To be called after every change of the packet. */
export function changed(walk: Walk): void {
  walk.copy = undefined;
}

/** Whether connection tracking is on. A rule that could not be read may have switched it on. */
export function tracks({ ground, decide }: Walk): boolean {
  const { conntrack } = ground.program;
  if (conntrack !== 'undecided') return conntrack;
  return decide('conntrack', {
    where: 'connection tracking',
    because: 'nat is asked only where it is on, and a rule that Sidestep does not know may switch it on',
    yes: 'connection tracking is on',
    no: 'connection tracking is off',
  });
}

/** A rule as sentences name it: "nat ISTIO_INBOUND 3". */
export const nameOf = ({ chain, number }: CompiledRule): string => `${chain.title} ${number}`;

/** Whether an address is taken to be this host's own, where no interfaces are known. */
export const isTaken = (walk: Pick<Walk, 'ground' | 'own' | 'takesForOwn'>, address: AddressValue): boolean =>
  !walk.ground.host.known && (walk.takesForOwn ? walk.takesForOwn(address) : address === walk.own);
