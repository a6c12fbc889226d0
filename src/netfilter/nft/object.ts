import type { NftElement, NftExpression } from './expression.ts';
import type { NftLimit, NftQuota, NftStatement } from './statement.ts';

/** What a set's keys or a map's values are: names of data types, more than one for a concatenation. */
export interface NftType {
  /** `ipv4_addr`, `inet_service`, `verdict` …; empty where `typeof` names something whose type is not known here. */
  readonly names: readonly string[];
  /** The expression that stood in its place. nft's JSON does not show it. */
  readonly typeof?: NftExpression;
  /** The values of a map are ranges. nft's JSON does not show it. */
  readonly interval?: true;
}

/** A named set; with `data`, a named map. Times are in seconds. */
export interface NftSet {
  readonly name: string;
  readonly handle?: number;
  readonly comment?: string;
  readonly key: NftType;
  readonly data?: NftType;
  /** `constant`, `interval`, `timeout`, `dynamic`. nft 1.0.6's JSON leaves `dynamic` out. */
  readonly flags: readonly string[];
  readonly elements: readonly NftElement[];
  readonly timeout?: number;
  readonly gcInterval?: number;
  readonly size?: number;
  readonly policy?: string;
  readonly autoMerge?: true;
  /** What each element has for itself (`counter`, `limit rate …`). */
  readonly statements: readonly NftStatement[];
}

/** A named object that rules refer to. */
export type NftObject = { readonly name: string; readonly handle?: number; readonly comment?: string } & (
  | { readonly kind: 'counter'; readonly packets: bigint; readonly bytes: bigint }
  | ({ readonly kind: 'quota' } & NftQuota)
  | ({ readonly kind: 'limit' } & NftLimit)
  | { readonly kind: 'ct helper'; readonly type: string; readonly protocol: string; readonly l3proto: string }
  | {
      readonly kind: 'ct timeout';
      readonly protocol: string;
      readonly l3proto: string;
      /** Seconds, by the state's name. */
      readonly policy: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: 'ct expectation';
      readonly protocol: string;
      readonly l3proto: string;
      readonly port: number;
      /** Milliseconds. */
      readonly timeout: number;
      readonly size: number;
    }
  | {
      readonly kind: 'synproxy';
      readonly mss: number;
      readonly wscale: number;
      readonly flags: readonly string[];
    }
  /** One of a kind that Sidestep does not know (`secmark`, `tunnel`): its words. */
  | { readonly kind: 'opaque'; readonly type: string; readonly words: string }
);

/** Where established flows pass the rules by. */
export interface NftFlowtable {
  readonly name: string;
  readonly handle?: number;
  readonly hook: string;
  readonly priority: number;
  readonly devices: readonly string[];
  readonly counter?: true;
  readonly flags: readonly string[];
}
