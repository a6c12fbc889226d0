import type { NftAddressFamily, NftExpression, NftOpaque, NftVerdict } from './expression.ts';

/** How two sides are compared. `in`: any of the bits; `!`: none of them. */
export type NftComparison = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'in' | '!';

/** An amount of traffic a time. */
export interface NftLimit {
  readonly rate: number;
  /** `packets`, `bytes`, `kbytes`, `mbytes`. */
  readonly unit: string;
  readonly per: string;
  readonly burst: number;
  readonly burstUnit: string;
  /** `over`: holds for what exceeds it. */
  readonly over: boolean;
}

/** An amount of traffic. */
export interface NftQuota {
  readonly bytes: bigint;
  readonly used: bigint;
  readonly over: boolean;
}

/** Where nat takes a packet. What is not there stays. */
export interface NftNat {
  readonly kind: 'snat' | 'dnat' | 'masquerade' | 'redirect';
  readonly family?: NftAddressFamily;
  readonly address?: NftExpression;
  readonly port?: NftExpression;
  readonly flags: readonly string[];
  /** `prefix` (a network is put in place of another), `interval`, `concat`: how the map's values are to be read. */
  readonly typeFlags: readonly string[];
}

/**
 * One statement of a rule, with `kind` for the property that names it in libnftables-json(5). A rule's statements are
 * carried out one by one; a match that does not hold, and a limit that is used up, end the rule.
 */
export type NftStatement =
  | {
      readonly kind: 'match';
      readonly operator: NftComparison;
      readonly left: NftExpression;
      readonly right: NftExpression;
    }
  | NftVerdict
  | { readonly kind: 'vmap'; readonly key: NftExpression; readonly data: NftExpression }
  | { readonly kind: 'counter'; readonly packets: bigint; readonly bytes: bigint }
  | ({ readonly kind: 'limit' } & NftLimit)
  | ({ readonly kind: 'quota' } & NftQuota)
  /** One that the table holds by name, or that a map leads to. */
  | { readonly kind: 'counter-reference' | 'limit-reference' | 'quota-reference'; readonly name: NftExpression }
  | { readonly kind: 'connection-limit'; readonly count: number; readonly over: boolean }
  | { readonly kind: 'last'; readonly used?: string }
  | {
      readonly kind: 'log';
      readonly prefix?: string;
      readonly level?: string;
      readonly group?: number;
      readonly snaplen?: number;
      readonly queueThreshold?: number;
      readonly flags: readonly string[];
    }
  /** `type` is not there for the default of the packet's family: port unreachable. */
  | {
      readonly kind: 'reject';
      readonly type?: 'tcp reset' | 'icmp' | 'icmpv6' | 'icmpx';
      readonly code?: NftExpression;
    }
  /** `KEY set VALUE`. */
  | { readonly kind: 'mangle'; readonly key: NftExpression; readonly value: NftExpression }
  | NftNat
  | {
      readonly kind: 'tproxy';
      readonly family?: NftAddressFamily;
      readonly address?: NftExpression;
      readonly port?: NftExpression;
    }
  | { readonly kind: 'notrack' }
  | { readonly kind: 'ct helper' | 'ct timeout' | 'ct expectation'; readonly name: NftExpression }
  /** `add @s { … }`; of a map, with what the key leads to. */
  | {
      readonly kind: 'set';
      readonly operation: 'add' | 'update' | 'delete';
      readonly set: string;
      readonly key: NftExpression;
      readonly data?: NftExpression;
      /** Seconds. */
      readonly timeout?: number;
      readonly statements: readonly NftStatement[];
    }
  | {
      readonly kind: 'meter';
      readonly name: string;
      readonly size?: number;
      readonly key: NftExpression;
      readonly timeout?: number;
      readonly statement: NftStatement;
    }
  | { readonly kind: 'queue'; readonly number?: NftExpression; readonly flags: readonly string[] }
  | { readonly kind: 'dup'; readonly address?: NftExpression; readonly device?: NftExpression }
  | {
      readonly kind: 'fwd';
      readonly device: NftExpression;
      readonly family?: NftAddressFamily;
      readonly address?: NftExpression;
    }
  | { readonly kind: 'flow'; readonly flowtable: string }
  | {
      readonly kind: 'synproxy';
      /** One that the table holds by name, or that a map leads to. */
      readonly name?: NftExpression;
      readonly mss?: number;
      readonly wscale?: number;
      readonly flags: readonly string[];
    }
  /** Takes a TCP option out of the packet. */
  | { readonly kind: 'reset'; readonly option: NftExpression }
  /** A match, target or watcher of iptables: nft shows its name only. */
  | {
      readonly kind: 'xt';
      readonly type: 'match' | 'target' | 'watcher';
      readonly name: string;
      readonly because: string;
    }
  /** Words of which it is not known where they end: any verdict may be among them. */
  | NftOpaque;
