import type { Family } from '../../address/index.ts';
import type { NftFlowtable, NftObject, NftSet } from './object.ts';
import type { NftStatement } from './statement.ts';

/** Families of nftables. Sidestep follows the first three, and the last. Source: nft(8), ADDRESS FAMILIES. */
export const NFT_FAMILIES = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'] as const;
export type NftFamily = (typeof NFT_FAMILIES)[number];

/** One rule: its statements in order. */
export interface NftRule {
  readonly statements: readonly NftStatement[];
  readonly handle?: number;
  readonly comment?: string;
  readonly line?: number;
}

/** Whether a rule is a native one, and not of iptables. */
export const isNftRule = (rule: object): rule is NftRule => 'statements' in rule;

/** Where a base chain is hooked in. */
export interface NftHook {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress';
  /** Lower runs first. */
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** Ingress and egress: the interfaces whose packets pass here. */
  readonly devices: readonly string[];
}

/** A chain and its rules; a base chain has a hook. */
export interface NftChain {
  readonly name: string;
  readonly handle?: number;
  readonly comment?: string;
  readonly base?: NftHook;
  /** `offload`, `binding`. */
  readonly flags: readonly string[];
  readonly rules: readonly NftRule[];
}

/**
 * One table of nftables, as `nft list ruleset` shows it. Of a family that Sidestep does not follow (arp, bridge) nothing is read but
 * the name: `words` holds the text. So it does of netdev, whose chains are read besides where all of them is understood.
 */
export interface NftTable {
  readonly family: NftFamily;
  readonly name: string;
  readonly handle?: number;
  readonly comment?: string;
  /** `dormant` (its chains are not hooked in), `owner`, `persist`. nft 1.0.6's JSON leaves them out. */
  readonly flags: readonly string[];
  readonly objects: readonly NftObject[];
  readonly sets: readonly NftSet[];
  readonly flowtables: readonly NftFlowtable[];
  readonly chains: readonly NftChain[];
  readonly words?: string;
}

/** Whether a chain stands in a rule (`jump { … }`): the kernel names such chains so, and nft shows no name. */
export const isAnonymous = ({ name }: { readonly name: string }): boolean => /^__chain\d+$/.test(name);

/** Whether packets of a family pass a table; or are meant by a mapping, which need not say a family. */
export const seesFamily = ({ family: of }: { readonly family?: NftFamily | undefined }, family: Family): boolean =>
  of === undefined || of === 'inet' || of === 'netdev' || of === (family === 'ipv4' ? 'ip' : 'ip6');

/** Whether Sidestep follows packets through a table of this family. */
export const isFollowed = ({ family, chains }: NftTable): boolean =>
  family === 'ip' || family === 'ip6' || family === 'inet' || (family === 'netdev' && chains.length > 0);
