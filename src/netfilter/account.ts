import type { Family } from '../address/index.ts';
import type { Packet } from './packet.ts';

// What the kernel itself says that it did with a packet, in the order in which it happened: read by linux/nftrace from the
// kernel's trace messages, held beside a walk by trace/beside.ts.

/** What of a packet is compared where the kernel tells of it. What it does not tell is undefined. */
export type SeenPacket = Pick<Packet, SeenField>;
type SeenField = 'family' | 'in' | 'out' | 'source' | 'destination' | 'sourcePort' | 'destinationPort' | SeenLater;
/** Told in a chain's first message, but as they are after the rule that it is about. */
type SeenLater = 'ttl' | 'dscp' | 'ecn' | 'ctstate' | 'ctstatus';

/** One thing that the kernel says happened. */
export type KernelEvent<P extends SeenPacket = Packet> =
  /** A base chain was asked; `packet` is the packet as it came there. */
  | { readonly kind: 'asked'; readonly table: string; readonly chain: string; readonly packet: P }
  /** A rule matched. Without a number: no such rule was there when the rules were read. */
  | {
      readonly kind: 'rule';
      /** The packet's. */
      readonly family: Family;
      readonly table: string;
      readonly chain: string;
      readonly number?: number;
      /** In the kernel's words: `accept`, `jump`, `continue` … */
      readonly verdict: string;
      /** Where a jump or goto leads. */
      readonly target?: string;
      /** The packet's mark after it. */
      readonly mark: number;
    }
  /** A base chain ran out: its policy decided. */
  | { readonly kind: 'policy'; readonly table: string; readonly chain: string; readonly policy: 'ACCEPT' | 'DROP' }
  /** The packet is handed to this host's sockets, or to a device. */
  | { readonly kind: 'received' | 'leaves'; readonly packet: P; readonly mark: number };

/** All that the kernel told of one packet. */
export interface KernelAccount {
  readonly direction: 'in' | 'out';
  /** As it began. What the kernel does not tell is undefined. */
  readonly packet: Packet;
  readonly events: readonly KernelEvent[];
  /**
   * What connection tracking calls its connection, and whether the packet is a reply. `confirmed`: a packet before has got
   * through. Undefined: it belongs to none.
   */
  readonly connection?: { readonly id: number; readonly reply: boolean; readonly confirmed?: true };
  /** A kernel that tells of connections (6.16) does so of every packet that has one behind connection tracking. */
  readonly tellsConnections?: boolean;
  /** One of several fragments: the kernel tells nothing of it from where they are put together. */
  readonly fragment?: true;
  /** Milliseconds since 1970, when its first message was read. */
  readonly seen: number;
  /** The kernel told nothing of its end: it was lost between two hooks, or in rules that tell nothing. */
  readonly quiet: boolean;
}

/** Which packets are meant: those of one direction that have these values. What is not given may be anything. */
export interface PacketFilter {
  readonly direction: 'in' | 'out';
  readonly fields: Partial<Packet>;
}
