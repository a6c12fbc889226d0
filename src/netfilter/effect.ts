import { type AddressValue, type Family, highest, type PortRange } from '../address/index.ts';
import type { ValueField } from './fields.ts';

/**
 * `field = ((field & keep) ^ xor) + add`, 32 bits unsigned. The right-hand side is a constant, or another field under a
 * mask (CONNMARK copies between the packet's mark and the connection's), or nobody knows (a hash, a lookup).
 */
export interface Assignment {
  readonly field: ValueField;
  readonly keep: number;
  readonly xor: number | FieldBits | 'unknown';
  /** Added at the end; the sum stays within the field's width (TTL). */
  readonly add?: number;
}

/** `field & mask`, then shifted: to the left, or to the right where `shift` is negative. */
export interface FieldBits {
  readonly field: ValueField;
  readonly mask: number;
  readonly shift?: number;
}

/** Which bits, whatever field they are of. */
export type Bits = Omit<FieldBits, 'field'>;

/** The value of such bits, where the field's own is known. */
export const bitsOf = (value: number, { mask, shift = 0 }: Bits): number => {
  const bits = (value & mask) >>> 0;
  return shift < 0 ? bits >>> -shift : (bits << shift) >>> 0;
};

/** An inclusive range of addresses that a nat target may choose from. */
export type AddressRange = readonly [low: AddressValue, high: AddressValue];

/** Bits of an address, and which of them count. */
export interface Network {
  readonly value: AddressValue;
  readonly mask: AddressValue;
}

/** From the lowest address to the highest that the kernel may choose. */
export function spanOf(address: AddressRange | Network, family: Family): AddressRange {
  if (!('mask' in address)) return address;
  return [address.value, inNetwork(highest(family), address)];
}

/** An address moved into a network: the bits under the mask are the network's, the others stay. */
export function inNetwork(address: AddressValue, { value, mask }: Network): AddressValue {
  if (typeof address === 'bigint') return (address & ~BigInt(mask)) | BigInt(value);
  return ((address & ~Number(mask)) | Number(value)) >>> 0;
}

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
  /** Handed to a program: what happens then is not known here. `bypass`: where none listens, the packet passes on. */
  | { readonly kind: 'queue'; readonly bypass?: true }
  /**
   * Maps the connection. `change`: `either` is what the hook maps, the destination in PREROUTING and OUTPUT, the source
   * in INPUT and POSTROUTING. `address`: absent keeps it; `here` is what REDIRECT does (127.0.0.1 or ::1 in OUTPUT, the
   * incoming interface's primary address in PREROUTING); `outgoing` is what MASQUERADE does; a network replaces the bits
   * under its mask and keeps the others (NETMAP). `base`: ports are shifted, this one to the first of `ports`. `random`: the
   * kernel chooses the port, even where the packet's own would do.
   */
  | {
      readonly kind: 'nat';
      readonly change: 'source' | 'destination' | 'either';
      readonly address?: AddressRange | Network | 'here' | 'outgoing';
      readonly ports?: PortRange;
      readonly base?: number;
      readonly random?: true;
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
