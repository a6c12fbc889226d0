import { attributesOf, openNetlink } from './netlink.ts';
import { FLAG, NETLINK_NETFILTER, nftablesMessage, nftablesType, textIn } from './nftables.ts';

// Imports netlink and what is made of it alone: this file is also loaded by a Node of its own inside other namespaces.

/** Numbers of linux/netfilter/nf_tables.h and linux/netfilter.h. */
const MESSAGE = { newTable: 0, getTable: 1 } as const;
const TABLE_NAME = 1;
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};

/** The tables of nftables in this process's network namespace. Throws where koffi is not installed. */
export function listTables(): readonly { readonly family: string; readonly name: string }[] {
  const netlink = openNetlink(NETLINK_NETFILTER);
  try {
    return netlink
      .exchange([nftablesMessage(MESSAGE.getTable, FLAG.dump, undefined)])
      .filter(({ type }) => type === nftablesType(MESSAGE.newTable))
      .map(({ payload }) => ({
        family: FAMILIES[payload[0] ?? 0] ?? String(payload[0]),
        name: textIn(attributesOf(payload, 4).get(TABLE_NAME)),
      }));
  } finally {
    netlink.close();
  }
}
