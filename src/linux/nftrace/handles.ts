import { attributesOf, openNetlink } from '../netlink.ts';
import { FLAG, NETLINK_NETFILTER, type NftFamily, nftablesMessage, nftablesType, textIn } from '../nftables.ts';

/** Where a rule stands, as people count: `nat ISTIO_INBOUND 3`. */
export interface RulePlace {
  readonly table: string;
  readonly chain: string;
  /** One-based position in its chain. */
  readonly number: number;
}

/** Numbers of linux/netfilter/nf_tables.h. */
const MESSAGE = { newRule: 6, getRule: 7, getGeneration: 16 } as const;
const RULE = { table: 1, chain: 2, handle: 3 } as const;

/** Finds the place of a rule by its table and the handle that the kernel calls it by. */
export type PlaceOf = (table: string, handle: number) => RulePlace | undefined;

/**
 * Reads which handle each rule of this process's network namespace has, of the tables of one family of nf_tables. iptables'
 * rules stand in those of ip and ip6, in the order in which iptables-save prints them.
 */
export function readHandles(family: NftFamily): PlaceOf {
  const netlink = openNetlink(NETLINK_NETFILTER);
  const tables = new Map<string, Map<number, RulePlace>>();
  const lengths = new Map<string, number>();
  try {
    // How much the kernel puts into the first part of a dump hangs on what was read last: a rule of 4 kB would end it.
    netlink.exchange([nftablesMessage(MESSAGE.getGeneration, 0, undefined)]);
    for (const { type, payload } of netlink.exchange([nftablesMessage(MESSAGE.getRule, FLAG.dump, family)])) {
      if (type !== nftablesType(MESSAGE.newRule)) continue;
      const attributes = attributesOf(payload, 4);
      const [table, chain] = [textIn(attributes.get(RULE.table)), textIn(attributes.get(RULE.chain))];
      const number = (lengths.get(`${table} ${chain}`) ?? 0) + 1;
      lengths.set(`${table} ${chain}`, number);
      const places = tables.get(table) ?? new Map<number, RulePlace>();
      tables.set(table, places.set(handleIn(attributes.get(RULE.handle)), { table, chain, number }));
    }
  } finally {
    netlink.close();
  }
  return (table, handle) => tables.get(table)?.get(handle);
}

const handleIn = (bytes: Uint8Array | undefined): number =>
  bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4);
