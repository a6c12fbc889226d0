import { attribute, errorIn, joined, type Message, type Netlink, stringAttribute } from './netlink.ts';

// What the files that speak to the kernel's nf_tables share. Numbers are those of linux/netfilter/nfnetlink.h and nf_tables.h.

/** The netlink protocol to open. */
export const NETLINK_NETFILTER = 12;
const NFTABLES = 10;
const BATCH = { begin: 0x10, end: 0x11, generation: 1 } as const;
const NLMSG_ERROR = 2;

/** Families as nfgenmsg has them; `inet` stands for both. */
export const NFPROTO = { inet: 1, ipv4: 2, ipv6: 10 } as const;
export type NftFamily = keyof typeof NFPROTO;

export const FLAG = { request: 0x1, ack: 0x4, dump: 0x300, notRecursive: 0x100, create: 0x400, append: 0x800 } as const;

/** The type of a message to or from nf_tables. */
export const nftablesType = (message: number): number => (NFTABLES << 8) | message;

/** struct nfgenmsg: family, version, resource. */
export const netfilterHeader = (family: number, resource = 0): Uint8Array =>
  Uint8Array.of(family, 0, resource >> 8, resource & 255);

/** A message to nf_tables. `flags` are added to "request". */
export const nftablesMessage = (
  message: number,
  flags: number,
  family: NftFamily | undefined,
  ...attributes: readonly Uint8Array[]
): Message => ({
  type: nftablesType(message),
  flags: FLAG.request | flags,
  payload: joined([netfilterHeader(family === undefined ? 0 : NFPROTO[family]), ...attributes]),
});

/**
 * Carries messages out as one transaction: all or none. Each has to ask for an acknowledgement. `generation` names the rules
 * that it was decided on: where anybody has changed any since, the kernel refuses. Returns the error numbers, 0 for success.
 */
export function transact(netlink: Netlink, messages: readonly Message[], generation?: Uint8Array): readonly number[] {
  const header = netfilterHeader(0, NFTABLES);
  const named = generation === undefined ? [] : [attribute(BATCH.generation, generation)];
  return netlink
    .exchange([
      { type: BATCH.begin, flags: FLAG.request, payload: joined([header, ...named]) },
      ...messages,
      { type: BATCH.end, flags: FLAG.request, payload: header },
    ])
    .filter(({ type }) => type === NLMSG_ERROR)
    .map(errorIn);
}

/** Numbers of nf_tables are in network order. */
export const numberAttribute = (type: number, value: number): Uint8Array =>
  attribute(type, Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));

/** Attributes inside an attribute. */
export const nested = (type: number, ...attributes: readonly Uint8Array[]): Uint8Array =>
  attribute(0x8000 | type, joined(attributes));

/** An element of a rule's list of expressions. */
export const expression = (name: string, ...data: readonly Uint8Array[]): Uint8Array =>
  nested(1, stringAttribute(1, name), nested(2, ...data));

export const textIn = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes).replace(/\0+$/, '');

export const numberIn = (bytes: Uint8Array | undefined): number | undefined =>
  bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
