import type { AddressValue, PortRange } from '../address/index.ts';
import type { ValueField } from './fields.ts';

/**
 * `field = (field & keep) ^ xor`, 32 bits unsigned. The right-hand side is a constant, or another field under a mask
 * (CONNMARK copies between the packet's mark and the connection's).
 */
export interface Assignment {
  readonly field: ValueField;
  readonly keep: number;
  readonly xor: number | { readonly field: ValueField; readonly mask: number };
}

/** An inclusive range of addresses that a nat target may choose from. */
export type AddressRange = readonly [low: AddressValue, high: AddressValue];

/**
 * What a target does: written once, by the target's own file, and read by trace, analysis and explain.
 */
export type Effect =
  /** Goes on with the next rule, after the assignments (MARK, CONNMARK, CT, LOG; a rule without target has none). */
  | { readonly kind: 'continue'; readonly assign: readonly Assignment[] }
  /** Ends the table: the packet passes on. The assignments are made first. */
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop' }
  /** Ends the packet with an answer to its sender; `with` is the kind of answer (`icmp-port-unreachable`, `tcp-reset`). */
  | { readonly kind: 'reject'; readonly with: string }
  | { readonly kind: 'return' }
  | { readonly kind: 'jump'; readonly chain: string }
  | { readonly kind: 'goto'; readonly chain: string }
  /** Handed to a program: what happens then is not known here. */
  | { readonly kind: 'queue' }
  /**
   * Maps the connection. `address`: absent keeps it; `here` is what REDIRECT does (127.0.0.1 or ::1 in OUTPUT, the
   * incoming interface's primary address in PREROUTING); `outgoing` is what MASQUERADE does.
   */
  | {
      readonly kind: 'nat';
      readonly change: 'source' | 'destination';
      readonly address?: AddressRange | 'here' | 'outgoing';
      readonly ports?: PortRange;
    }
  /**
   * Hands the packet to a transparent listener without rewriting it; needs one, else the connection fails. Where it
   * `goesOn` (a statement of nft's), the rule does, and without a listener the rule ends.
   */
  | {
      readonly kind: 'tproxy';
      readonly address?: AddressValue;
      /** 0: the packet's own destination port. */
      readonly port: number;
      readonly mark?: { readonly value: number; readonly mask: number };
      readonly goesOn?: true;
    }
  | { readonly kind: 'unknown'; readonly because: string };

export const CONTINUE: Effect = { kind: 'continue', assign: [] };
