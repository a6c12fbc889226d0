import type { AddressValue } from '../address/index.ts';
import type {
  Backend,
  Condition,
  Effect,
  HookName,
  Listener,
  NftRule,
  NftTable,
  Packet,
  Policy,
  Rule,
} from '../netfilter/index.ts';

/** No user: sockets of the kernel itself have no owner that a rule could name (netfilter-semantics 20). */
export const NOBODY = 0xffff_ffff;

/** Where a packet starts: `in` from another host, `out` from a process of this namespace. */
export type Direction = 'in' | 'out';

/** A packet to follow, and what was taken for granted because the question did not say it. */
export interface Question {
  readonly direction: Direction;
  readonly packet: Packet;
  /** Of a packet of this host's own: by which interface it leaves, wherever nat sends it. */
  readonly via?: string;
  /** Of a packet of this host's own: the kernel has chosen its source, after its route. */
  readonly unbound?: true;
  /** One clause each: "source 10.0.0.9:40000 assumed". */
  readonly assumptions: readonly string[];
  /** It is not the first packet of its connection, which nobody has answered: NEW as the first was, and mapped like it. */
  readonly repeated?: true;
  /** Not this packet is followed, but the answer to it. */
  readonly reply?: ReplyAsked;
  /** Not this packet is followed, but what the kernel of this host sends back where nobody takes it. */
  readonly refusal?: true;
  /** It is an ICMP error about that packet; of `packet` only the type, the sender and the interface are asked for. */
  readonly about?: Question;
  /** With `about`: this host itself complains, of a packet that left it or went on: nobody has the next address, say. */
  readonly own?: true;
}

/** What is asked of an answer. */
export interface ReplyAsked {
  /** Not the first answer: the connection is open. */
  readonly later: boolean;
  /** TCP flags that are not the usual ones. */
  readonly tcpFlags?: number;
}

/** One thing that happened to the packet, in order. `pass` 2 is the second pass over the loopback interface. */
export type Step =
  /** A hook begins; `packet` is the packet as it arrives there. */
  | { readonly kind: 'hook'; readonly hook: HookName; readonly pass: 1 | 2; readonly packet: Packet }
  /** A table is asked. `silent` says why no rule of it was looked at: "no rules", "a known connection" … */
  | {
      readonly kind: 'table';
      readonly hook: HookName;
      /** `nat`, or of a native table its family and name. */
      readonly table: string;
      /** Of a native table: the base chain that is asked. */
      readonly chain?: string;
      readonly backend: Backend | 'native';
      readonly silent?: string;
      /** The packet, where it was rewritten without asking a rule. */
      readonly changed?: Packet;
    }
  | RuleStep
  /** A built-in chain ran out: its policy decides. */
  | { readonly kind: 'policy'; readonly table: string; readonly chain: string; readonly policy: Policy }
  /** A routing decision, in words: "local delivery", "leaves by eth0 to 10.0.0.1". */
  | { readonly kind: 'route'; readonly decision: string }
  /** The socket that gets it, or undefined where nobody listens. */
  | { readonly kind: 'socket'; readonly listener?: Listener; readonly decision: string };

/** A rule that was looked at. */
export interface RuleStep {
  readonly kind: 'rule';
  readonly hook: HookName;
  /** `nat`, or of a native table its family and name: `inet istio-proxy-nat`. */
  readonly table: string;
  readonly chain: string;
  /** One-based position in its chain; 0: a packet that has passed met a rule that came after the rules were read. */
  readonly number: number;
  /** How many jumps deep: 0 in the built-in chain. */
  readonly depth: number;
  readonly rule: Rule | NftRule;
  /** Of a native rule: the table that it stands in. */
  readonly native?: NftTable;
  readonly answer: 'matched' | 'passed by' | 'undecided';
  /** Passed by or undecided: the first condition that decided so. */
  readonly decisive?: Condition;
  /** Matched: what the rule did; a native rule that does several things in turn: the last of them. */
  readonly effect?: Effect;
  /** All that a native rule did, where it did more than one thing; also before it came to a condition that failed. */
  readonly effects?: readonly Effect[];
  /** Matched: the packet after it, when it was changed. */
  readonly changed?: Packet;
  /** The packet that the rule looked at. */
  readonly packet: Packet;
  /** In an undecided rule: which way this walk went. */
  readonly taken?: boolean;
  /** Matched, but the kernel did something else or more than the effect says: "ignored: …", "dropped: …". */
  readonly note?: string;
}

/** Where a packet ends. */
export type Outcome =
  | { readonly kind: 'proxy'; readonly port: number; readonly original?: Endpoint; readonly because: string }
  | { readonly kind: 'app'; readonly port: number; readonly because: string }
  | { readonly kind: 'dropped'; readonly because: string }
  | { readonly kind: 'rejected'; readonly with: string; readonly because: string }
  /** A packet from elsewhere that goes elsewhere. */
  | { readonly kind: 'forwarded'; readonly out: string; readonly because: string }
  /** A packet of this namespace's own that leaves it without the proxy. */
  | { readonly kind: 'sent'; readonly out: string; readonly because: string }
  | { readonly kind: 'nobody listens'; readonly port: number; readonly because: string }
  /** Reached this host and no listening socket is asked: the kernel itself takes it (an echo request, say). */
  | { readonly kind: 'delivered'; readonly because: string }
  /** An answer that comes back to the caller: to its socket here, or `out` to another host. It sees it come from `from`. */
  | { readonly kind: 'answered'; readonly from: Endpoint; readonly out?: string; readonly because: string }
  /** A later packet that reaches somebody who knows nothing of its connection. */
  | { readonly kind: 'astray'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/** The same without a word of why. */
export type End = Outcome extends infer One ? (One extends Outcome ? Omit<One, 'because'> : never) : never;

export interface Endpoint {
  readonly address: AddressValue;
  readonly port: number;
}

/** The walk of one packet. Made by `trace`. */
export interface Trace {
  readonly question: Question;
  /** Where the answer to a packet is followed: that packet. `question` is then the answer as it starts. */
  readonly inReplyTo?: Question;
  readonly steps: readonly Step[];
  /** The packet as it ended. */
  readonly packet: Packet;
  readonly outcome: Outcome;
  /**
   * Where undecided rules lead elsewhere: every other outcome that is possible, each with the rule it hangs on. When it
   * is not empty, `outcome` is `unknown`.
   */
  readonly possible: readonly { readonly outcome: Outcome; readonly because: string }[];
}
