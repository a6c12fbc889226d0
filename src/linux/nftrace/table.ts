import type { HookName, PacketFilter } from '../../netfilter/index.ts';
import { type Message, openNetlink, stringAttribute } from '../netlink.ts';
import { FLAG, NETLINK_NETFILTER, nested, nftablesMessage, numberAttribute, transact } from '../nftables.ts';
import { accept, compare, drop, jump, KEY, limit, masked, meta, own32, setTrace } from './expressions.ts';
import { filterExpressions, nameBytes } from './filter.ts';
import { HEADERS_CHAIN, hasMoreHeaders, headerConditions } from './headers.ts';

/** What a packet must be for the kernel to trace it. */
export type Traced =
  | { readonly every: true }
  /** By the numbers of the interfaces that it comes in by. */
  | { readonly iifs: readonly number[] }
  /** By its priority: what SO_PRIORITY of a socket says, which nothing that the kernel sends by itself has. */
  | { readonly priority: number }
  /** By what they are, and no more than `rate` of each filter in a second. */
  | { readonly filters: readonly PacketFilter[]; readonly rate: number };

/** A base chain of the table. Without `trace` it only lets traced packets tell that they came by. */
export interface TraceChain {
  readonly name: string;
  readonly hook: HookName;
  readonly priority: number;
  readonly trace?: Traced;
  /** Has traced packets tell whose socket sent them; see `ownerIn`. */
  readonly owner?: true;
  /** Has IPv6's tell which headers they have between the first and the last; see `headersIn`. */
  readonly headers?: true;
  /** Nobody else's packets pass: for those who ask about packets of their own alone. */
  readonly alone?: true;
  /** These packets end here: for those who send packets that nobody is to get. */
  readonly drops?: readonly Dropped[];
}

/** Packets of this process's own: what came in by an interface, or what its sockets send (SO_PRIORITY) but over loopback. */
export type Dropped = { readonly iif: number } | { readonly priority: number; readonly leaving: boolean };

/** The table, while it is there. */
export interface TraceTable {
  /** It goes with this process, however that ends. False: only `close` takes it away (Linux before 5.12). */
  readonly owned: boolean;
  /** Takes it away. */
  close(): void;
}

/** The kernel does not take the table; `error` is its number: 1 is EPERM. */
export class TraceTableRefused extends Error {
  override readonly name = 'TraceTableRefused';
  readonly error: number | undefined;

  constructor(table: string, error: number | undefined) {
    super(`the kernel refuses the table ${table}${error === undefined ? '' : ` (error ${error})`}`);
    this.error = error;
  }
}

/** Numbers of linux/netfilter/nf_tables.h and linux/netfilter.h. */
const MESSAGE = { newTable: 0, deleteTable: 2, newChain: 3, newRule: 6 } as const;
const TABLE = { name: 1, flags: 2 } as const;
const OWNER = 2;
const CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const RULE = { table: 1, chain: 2, expressions: 4 } as const;
const HOOK = { number: 1, priority: 2 } as const;
const HOOKS: Readonly<Record<HookName, number>> = { PREROUTING: 0, INPUT: 1, FORWARD: 2, OUTPUT: 3, POSTROUTING: 4 };
const NF_ACCEPT = 1;
/** What the kernel answers where it does not know a flag of a table. */
const UNKNOWN_FLAG = [22, 95];

/** The chain in which packets tell whose they are. */
export const OWNER_CHAIN = 'owner';
const BITS = 32;

/**
 * Makes a table of nf_tables, for both families, that has the kernel trace packets; it decides nothing. The table belongs to
 * the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): nobody else can change it, and it goes with this process.
 * Throws TraceTableRefused. `owned: false` makes one that does not, as it is done where the kernel knows no such tables.
 *
 * @example openTraceTable('sidestep-trace', [{ name: 'in', hook: 'PREROUTING', priority: -400, trace: { every: true } }]);
 */
export function openTraceTable(
  name: string,
  chains: readonly TraceChain[],
  { owned = true }: { readonly owned?: boolean } = {},
): TraceTable {
  const netlink = openNetlink(NETLINK_NETFILTER);
  const flags = owned ? [numberAttribute(TABLE.flags, OWNER)] : [];
  const asked = chains.some(({ owner }) => owner);
  const messages = [
    making(MESSAGE.newTable, stringAttribute(TABLE.name, name), ...flags),
    ...(asked ? [chainOf(name, OWNER_CHAIN), ...ownerRules(name)] : []),
    ...(chains.some(({ headers }) => headers)
      ? [chainOf(name, HEADERS_CHAIN), ...headerConditions.map((each) => ruleMessage(name, HEADERS_CHAIN, each))]
      : []),
    ...chains.flatMap((chain) => [chainMessage(name, chain), ...ruleMessages(name, chain)]),
  ];
  const errors = transact(netlink, messages);
  const refused = errors.find((error) => error !== 0);
  if (errors.length === messages.length && refused === undefined) {
    return {
      owned,
      close() {
        if (!owned) transact(netlink, [making(MESSAGE.deleteTable, stringAttribute(TABLE.name, name))]);
        netlink.close();
      },
    };
  }
  netlink.close();
  if (owned && UNKNOWN_FLAG.includes(refused ?? 0)) return openTraceTable(name, chains, { owned: false });
  throw new TraceTableRefused(name, refused);
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

const chainOf = (table: string, chain: string): Message =>
  making(MESSAGE.newChain, stringAttribute(CHAIN.table, table), stringAttribute(CHAIN.name, chain));

const ruleMessage = (table: string, chain: string, expressions: readonly Uint8Array[]): Message =>
  making(
    MESSAGE.newRule,
    stringAttribute(RULE.table, table),
    stringAttribute(RULE.chain, chain),
    nested(RULE.expressions, ...expressions),
  );

function ruleMessages(table: string, { name, trace, owner, headers, alone, drops = [] }: TraceChain): Message[] {
  const bounded = trace && 'filters' in trace ? [limit(trace.rate, trace.rate)] : [];
  const rules = (trace ? askedOf(trace) : []).map((conditions) =>
    ruleMessage(table, name, [
      ...conditions,
      ...bounded,
      ...setTrace(),
      ...(owner ? [jump(OWNER_CHAIN)] : []),
      ...(alone ? [accept()] : []),
    ]),
  );
  // Of a chain that runs out the kernel tells two things: its end and its policy.
  if (headers) rules.push(ruleMessage(table, name, [...hasMoreHeaders, jump(HEADERS_CHAIN)]));
  for (const one of drops) rules.push(ruleMessage(table, name, [...droppedBy(one), drop()]));
  return [...rules, ruleMessage(table, name, [alone ? drop() : accept()])];
}

const droppedBy = (one: Dropped): readonly Uint8Array[] =>
  'iif' in one
    ? [meta(KEY.iif), compare(own32(one.iif))]
    : [
        meta(KEY.priority),
        compare(own32(one.priority)),
        ...(one.leaving ? [meta(KEY.oifname), compare(nameBytes('lo'), 'isNot')] : []),
      ];

/** The conditions of each rule that has packets traced. */
function askedOf(trace: Traced): readonly (readonly Uint8Array[])[] {
  if ('filters' in trace) return trace.filters.map(filterExpressions);
  if ('iifs' in trace) return trace.iifs.map((iif) => [meta(KEY.iif), compare(own32(iif))]);
  return 'priority' in trace ? [[meta(KEY.priority), compare(own32(trace.priority))]] : [[]];
}

/**
 * The kernel tells which rules matched, never whose socket sent a packet. So there is a rule that matches where anybody's
 * did, and one for each bit of the uid and the gid: together those that matched spell both.
 */
const ownerRules = (table: string): Message[] =>
  [[meta(KEY.skuid)], ...[KEY.skuid, KEY.skgid].flatMap((key) => bits((bit) => [meta(key), ...isSet(bit)]))].map(
    (expressions) => ruleMessage(table, OWNER_CHAIN, expressions),
  );

const bits = <T>(of: (bit: number) => T): T[] => Array.from({ length: BITS }, (_, bit) => of(bit));

const isSet = (bit: number): readonly Uint8Array[] => [masked(own32(2 ** bit)), compare(own32(0), 'isNot')];

/** A socket's owner from the numbers of those rules of `OWNER_CHAIN` that matched. Undefined: nobody's. */
export function ownerIn(matched: readonly number[]): { readonly uid: number; readonly gid: number } | undefined {
  if (!matched.includes(1)) return undefined;
  const sum = (from: number): number =>
    bits((bit) => (matched.includes(from + bit) ? 2 ** bit : 0)).reduce((all, one) => all + one, 0);
  return { uid: sum(2), gid: sum(2 + BITS) };
}
