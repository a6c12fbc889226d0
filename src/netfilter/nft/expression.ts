import type { NftStatement } from './statement.ts';

/** A network-layer family that an expression or a nat address belongs to. */
export type NftAddressFamily = 'ip' | 'ip6';

/** A verdict, as a statement of a rule or as the value of a verdict map. */
export type NftVerdict =
  | { readonly kind: 'accept' | 'drop' | 'continue' | 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

/**
 * A value that stands for itself: a number, a name or an address as nft writes it (`tcp`, `10.0.0.1`, `eth*`), whether
 * something is there (`exists`, `missing`). What a name means depends on what it is compared with. A number is a bigint only
 * where it does not fit.
 */
export interface NftValue {
  readonly kind: 'value';
  readonly value: string | number | bigint | boolean;
}

/** One element of a set or of a map. */
export interface NftElement {
  readonly key: NftExpression;
  /** Of a map: what the key leads to. */
  readonly data?: NftExpression | NftVerdict;
  /** Seconds; what the set's own says where it is not there. */
  readonly timeout?: number;
  /** Seconds that were left when it was listed. */
  readonly expires?: number;
  readonly comment?: string;
  /** What the element has for itself: its counter, its limit. */
  readonly statements?: readonly NftStatement[];
}

/** An anonymous set or map, or the name of one of the same table. */
export type NftSetExpression =
  | { readonly kind: 'set'; readonly elements: readonly NftElement[] }
  | { readonly kind: 'set-reference'; readonly name: string };

/**
 * An expression of libnftables-json(5), with `kind` for the property that names it there. What is read from a packet, a
 * constant, or made of others.
 *
 * @example ip saddr & 255.0.0.0 → { kind: 'binary', operator: '&', left: { kind: 'payload', protocol: 'ip', field: 'saddr' },
 *   right: { kind: 'value', value: '255.0.0.0' } }
 */
export type NftExpression =
  | NftValue
  | NftSetExpression
  /** `*`: every key that no other element has. */
  | { readonly kind: 'any' }
  /** `established,related`: one or more bits. */
  | { readonly kind: 'list'; readonly items: readonly NftExpression[] }
  | { readonly kind: 'concat'; readonly items: readonly NftExpression[] }
  | { readonly kind: 'map'; readonly key: NftExpression; readonly data: NftExpression }
  | { readonly kind: 'prefix'; readonly address: NftExpression; readonly length: number }
  | { readonly kind: 'range'; readonly low: NftExpression; readonly high: NftExpression }
  /** A named header field: `tcp dport`, `ip saddr`, `icmp type`, `ether saddr`, `vlan id`; `th` where the protocol is open. */
  | { readonly kind: 'payload'; readonly protocol: string; readonly field: string }
  /** `@th,0,16`: offset and length in bits. */
  | {
      readonly kind: 'raw';
      readonly base: 'll' | 'nh' | 'th' | 'ih';
      readonly offset: number;
      readonly length: number;
    }
  /** A field of an IPv6 extension header; without one: whether the header is there. */
  | { readonly kind: 'exthdr'; readonly name: string; readonly field?: string }
  | { readonly kind: 'tcp option'; readonly name: string; readonly field?: string }
  /** `tcp option @255,8,8`: an option by its number, offset and length in bits. */
  | { readonly kind: 'raw tcp option'; readonly option: number; readonly offset: number; readonly length: number }
  | { readonly kind: 'ip option' | 'sctp chunk'; readonly name: string; readonly field?: string }
  | { readonly kind: 'dccp option'; readonly option: number }
  | { readonly kind: 'meta'; readonly key: string }
  | { readonly kind: 'rt'; readonly key: string; readonly family?: NftAddressFamily }
  | {
      readonly kind: 'ct';
      readonly key: string;
      readonly family?: NftAddressFamily;
      readonly direction?: 'original' | 'reply';
    }
  | {
      readonly kind: 'numgen';
      readonly mode: 'inc' | 'random';
      readonly modulus: number;
      /** Zero where nothing is said. */
      readonly offset: number;
    }
  | {
      readonly kind: 'jhash';
      readonly expression: NftExpression;
      readonly modulus: number;
      readonly offset: number;
      /** Undefined: the kernel took one by chance. */
      readonly seed?: number;
    }
  | { readonly kind: 'symhash'; readonly modulus: number; readonly offset: number }
  | {
      readonly kind: 'fib';
      /** `check` (newer releases): whether there is a route. */
      readonly result: 'oif' | 'oifname' | 'type' | 'check';
      readonly flags: readonly string[];
    }
  | {
      readonly kind: 'binary';
      readonly operator: NftOperator;
      readonly left: NftExpression;
      readonly right: NftExpression;
    }
  | { readonly kind: 'socket'; readonly key: string; readonly level?: number }
  | { readonly kind: 'osf'; readonly key: string; readonly ttl?: string }
  | {
      readonly kind: 'ipsec';
      readonly key: string;
      readonly direction: string;
      readonly family?: NftAddressFamily;
      readonly number: number;
    }
  | NftOpaque;

export type NftOperator = '&' | '|' | '^' | '<<' | '>>';

/** What Sidestep does not know: its words as they stood, and why nothing can be said of it. */
export interface NftOpaque {
  readonly kind: 'opaque';
  readonly words: string;
  /** A clause: `nft does not show what it says; iptables-save does`. */
  readonly because: string;
}
