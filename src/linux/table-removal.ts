import type { Family } from '../address/index.ts';
import { attributesOf, type Message, type Netlink, openNetlink, stringAttribute } from './netlink.ts';
import { FLAG, NETLINK_NETFILTER, nftablesMessage, nftablesType, numberIn, textIn, transact } from './nftables.ts';

// Imports netlink and what is made of it alone: this file is also loaded by a Node of its own inside other namespaces.

/** An nft table, and the base chains that it may be left with. */
export interface Removal {
  readonly family: Family;
  readonly table: string;
  readonly chains: readonly string[];
}

/** Numbers of linux/netfilter/nf_tables.h. */
const MESSAGE = {
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  deleteChain: 5,
  newGeneration: 15,
  getGeneration: 16,
} as const;
const TABLE_NAME = 1;
const GENERATION = 1;
const CHAIN = { table: 1, name: 3, hook: 4, policy: 5, use: 6 } as const;
const NF_ACCEPT = 1;

/**
 * Takes away tables of this process's network namespace that hold nothing but idle base chains. The transaction names the
 * generation of the rules it was decided on, and deletes nothing that is in use: when anybody has changed any rule since, the
 * kernel refuses it and the table stays. Returns those that stayed. Throws where koffi is not installed.
 */
export function removeTables(tables: readonly Removal[]): readonly Removal[] {
  const netlink = openNetlink(NETLINK_NETFILTER);
  try {
    // One transaction is quicker than several (the kernel waits for its readers each time), but one table in use stops it.
    if (removeTogether(netlink, tables)) return [];
    return tables.filter((one) => !removeTogether(netlink, [one]));
  } finally {
    netlink.close();
  }
}

function removeTogether(netlink: Netlink, tables: readonly Removal[]): boolean {
  const generation = generationOf(netlink);
  if (generation === undefined) return false;
  const messages: Message[] = [];
  for (const { family, table, chains: allowed } of tables) {
    const chains = chainsOf(netlink, family, table);
    if (!chains.every(({ idle, name }) => idle && allowed.includes(name))) return false;
    for (const { name } of chains) {
      messages.push(
        deletion(MESSAGE.deleteChain, family, stringAttribute(CHAIN.table, table), stringAttribute(CHAIN.name, name)),
      );
    }
    messages.push(deletion(MESSAGE.deleteTable, family, stringAttribute(TABLE_NAME, table)));
  }
  const errors = transact(netlink, messages, generation);
  return errors.length === messages.length && errors.every((error) => error === 0);
}

const deletion = (type: number, family: Family, ...attributes: readonly Uint8Array[]): Message =>
  nftablesMessage(type, FLAG.ack | FLAG.notRecursive, family, ...attributes);

/** The number that every change of the rules raises. */
function generationOf(netlink: Netlink): Uint8Array | undefined {
  const answers = netlink.exchange([nftablesMessage(MESSAGE.getGeneration, 0, undefined)]);
  const answer = answers.find(({ type }) => type === nftablesType(MESSAGE.newGeneration));
  return answer && attributesOf(answer.payload, 4).get(GENERATION);
}

/** The chains of a table, each with whether it is a base chain that does nothing. */
function chainsOf(
  netlink: Netlink,
  family: Family,
  table: string,
): { readonly name: string; readonly idle: boolean }[] {
  return netlink
    .exchange([nftablesMessage(MESSAGE.getChain, FLAG.dump, family)])
    .filter(({ type }) => type === nftablesType(MESSAGE.newChain))
    .map(({ payload }) => attributesOf(payload, 4))
    .filter((attributes) => textIn(attributes.get(CHAIN.table)) === table)
    .map((attributes) => ({
      name: textIn(attributes.get(CHAIN.name)),
      idle:
        attributes.has(CHAIN.hook) &&
        numberIn(attributes.get(CHAIN.policy)) === NF_ACCEPT &&
        numberIn(attributes.get(CHAIN.use)) === 0,
    }));
}
