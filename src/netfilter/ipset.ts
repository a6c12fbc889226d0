import type { AddressValue, Family, Range } from '../address/index.ts';

/** What one dimension of a set is compared with. A port is one with its protocol, but in bitmap:port. */
export type Dimension = 'ip' | 'net' | 'port' | 'mac' | 'mark' | 'iface' | 'set';

/** The types of sets and their dimensions. Source: ipset(8). */
export const SET_TYPES: Readonly<Record<string, readonly Dimension[]>> = {
  'bitmap:ip': ['ip'],
  'bitmap:ip,mac': ['ip', 'mac'],
  'bitmap:port': ['port'],
  'hash:ip': ['ip'],
  'hash:mac': ['mac'],
  'hash:ip,mac': ['ip', 'mac'],
  'hash:net': ['net'],
  'hash:net,net': ['net', 'net'],
  'hash:ip,port': ['ip', 'port'],
  'hash:net,port': ['net', 'port'],
  'hash:ip,port,ip': ['ip', 'port', 'ip'],
  'hash:ip,port,net': ['ip', 'port', 'net'],
  'hash:ip,mark': ['ip', 'mark'],
  'hash:net,port,net': ['net', 'port', 'net'],
  'hash:net,iface': ['net', 'iface'],
  'list:set': ['set'],
};

/** One dimension of an entry. */
export type SetPart =
  /** Addresses from one to another; of a network also its prefix length, by which the kernel orders them. */
  | { readonly kind: 'addresses'; readonly range: Range; readonly length?: number }
  /** Ports of a protocol; of ICMP type × 256 + code. Without a protocol (bitmap:port) TCP's and UDP's. */
  | { readonly kind: 'ports'; readonly protocol?: number; readonly range: readonly [low: number, high: number] }
  /** Without an address: bitmap:ip,mac learns it from the first packet, which matches. */
  | { readonly kind: 'mac'; readonly value?: number }
  | { readonly kind: 'mark'; readonly value: number }
  /** `prefix`: all names that begin so. `physical`: a port of a bridge. */
  | { readonly kind: 'interface'; readonly name: string; readonly prefix: boolean; readonly physical: boolean }
  | { readonly kind: 'set'; readonly name: string };

/** One `add` line. */
export interface SetEntry {
  readonly parts: readonly SetPart[];
  /** An exception from a wider network. */
  readonly nomatch: boolean;
  /** It lives for a while only, and may be gone by now. */
  readonly timed: boolean;
}

/** One set, as `ipset save` writes it. */
export interface IpSet {
  readonly name: string;
  readonly type: string;
  /** Undefined: of both (ports, MAC addresses, lists). */
  readonly family?: Family;
  /** Addresses are compared under this mask. */
  readonly mask?: AddressValue;
  readonly markMask?: number;
  /** Entries live for a while only, unless they say otherwise. */
  readonly expires: boolean;
  /** Each entry counts the packets that it matched. */
  readonly counts: boolean;
  readonly entries: readonly SetEntry[];
  /** Why what is here is not all of it. */
  readonly unread?: string;
}

/** All sets of a namespace by name. */
export type IpSets = ReadonlyMap<string, IpSet>;
