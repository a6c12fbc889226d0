import type { HookName } from '../../netfilter/index.ts';
import { attribute, type Message, openNetlink, stringAttribute } from '../netlink.ts';
import {
  expression,
  FLAG,
  NETLINK_NETFILTER,
  nested,
  nftablesMessage,
  numberAttribute,
  transact,
} from '../nftables.ts';

/** What a packet must be for the kernel to trace it. */
export type Traced =
  | { readonly every: true }
  /** By the number of the interface that it comes in by. */
  | { readonly iif: number }
  /** By its priority: what SO_PRIORITY of a socket says, which nothing that the kernel sends by itself has. */
  | { readonly priority: number };

/** A base chain of the table. Without `trace` it only lets traced packets tell that they came by. */
export interface TraceChain {
  readonly name: string;
  readonly hook: HookName;
  readonly priority: number;
  readonly trace?: Traced;
}

/** The table, while it is there. */
export interface TraceTable {
  /** Takes it away. The kernel does so too when this process ends, however it ends. */
  close(): void;
}

/** Numbers of linux/netfilter/nf_tables.h and linux/netfilter.h. */
const MESSAGE = { newTable: 0, newChain: 3, newRule: 6 } as const;
const TABLE = { name: 1, flags: 2 } as const;
const OWNER = 2;
const CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const RULE = { table: 1, chain: 2, expressions: 4 } as const;
const HOOK = { number: 1, priority: 2 } as const;
const META = { register: 1, key: 2, source: 3 } as const;
const KEY = { priority: 2, iif: 4, nftrace: 12 } as const;
const COMPARE = { register: 1, how: 2, data: 3 } as const;
const IMMEDIATE = { register: 1, data: 2 } as const;
const VALUE = 1;
const EQUAL = 0;
const REGISTER = 8;
const HOOKS: Readonly<Record<HookName, number>> = { PREROUTING: 0, INPUT: 1, FORWARD: 2, OUTPUT: 3, POSTROUTING: 4 };
const NF_ACCEPT = 1;

/**
 * Makes a table of nf_tables, for both families, that has the kernel trace packets; it decides nothing. The table belongs to
 * the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): nobody else can change it, and it goes with this process.
 * Throws where the kernel refuses it.
 *
 * @example openTraceTable('sidestep-trace', [{ name: 'in', hook: 'PREROUTING', priority: -400, trace: { every: true } }]);
 */
export function openTraceTable(name: string, chains: readonly TraceChain[]): TraceTable {
  const netlink = openNetlink(NETLINK_NETFILTER);
  const messages = [
    making(MESSAGE.newTable, stringAttribute(TABLE.name, name), numberAttribute(TABLE.flags, OWNER)),
    ...chains.flatMap((chain) => [chainMessage(name, chain), ...ruleMessages(name, chain)]),
  ];
  const errors = transact(netlink, messages);
  const refused = errors.find((error) => error !== 0);
  if (errors.length !== messages.length || refused !== undefined) {
    netlink.close();
    throw new Error(`the kernel refuses the table ${name}${refused === undefined ? '' : ` (error ${refused})`}`);
  }
  return { close: () => netlink.close() };
}

const making = (message: number, ...attributes: readonly Uint8Array[]): Message =>
  nftablesMessage(message, FLAG.ack | FLAG.create | FLAG.append, 'inet', ...attributes);

const chainMessage = (table: string, { name, hook, priority }: TraceChain): Message =>
  making(
    MESSAGE.newChain,
    stringAttribute(CHAIN.table, table),
    stringAttribute(CHAIN.name, name),
    nested(CHAIN.hook, numberAttribute(HOOK.number, HOOKS[hook]), numberAttribute(HOOK.priority, priority)),
    numberAttribute(CHAIN.policy, NF_ACCEPT),
    stringAttribute(CHAIN.type, 'filter'),
  );

function ruleMessages(table: string, { name, trace }: TraceChain): Message[] {
  if (trace === undefined) return [];
  const asked =
    'iif' in trace ? comparing(KEY.iif, trace.iif) : 'priority' in trace ? comparing(KEY.priority, trace.priority) : [];
  const parts = [...asked, value(1), expression('meta', numberAttribute(META.key, KEY.nftrace), source())];
  const expressions = nested(RULE.expressions, ...parts);
  return [making(MESSAGE.newRule, stringAttribute(RULE.table, table), stringAttribute(RULE.chain, name), expressions)];
}

const source = (): Uint8Array => numberAttribute(META.source, REGISTER);

/** Numbers in registers are the machine's own; nftrace is one byte. */
const value = (byte: number): Uint8Array =>
  expression(
    'immediate',
    numberAttribute(IMMEDIATE.register, REGISTER),
    nested(IMMEDIATE.data, attribute(VALUE, Uint8Array.of(byte))),
  );

const comparing = (key: number, wanted: number): Uint8Array[] => [
  expression('meta', numberAttribute(META.register, REGISTER), numberAttribute(META.key, key)),
  expression(
    'cmp',
    numberAttribute(COMPARE.register, REGISTER),
    numberAttribute(COMPARE.how, EQUAL),
    nested(COMPARE.data, attribute(VALUE, new Uint8Array(Uint32Array.of(wanted).buffer))),
  ),
];
