import { endianness, release as osRelease } from 'node:os';
import type { Family } from '../../address/index.ts';

/** What connection tracking knows of a traced packet. Kernels since 6.16 tell it. Source: nf_trace_fill_ct_info. */
export interface TracedConnection {
  readonly id: number;
  readonly reply: boolean;
  /** Bits of enum ip_conntrack_status, as `CTSTATUS` has them. */
  readonly status: number;
  /** The state as `CTSTATE` has it: one bit. */
  readonly state: number;
}

export type TracedVerdict = 'accept' | 'drop' | 'stolen' | 'queue' | 'continue' | 'break' | 'jump' | 'goto' | 'return';

/**
 * One thing that happened to a packet on its way through nf_tables. Only rules that matched are told, and the end of chains.
 * Source: net/netfilter/nf_tables_trace.c.
 */
export interface TraceMessage {
  /** Tells packets apart, but may change on a packet's way (it holds the incoming interface) and come again. */
  readonly id: number;
  /** The packet's family; `family` of the table may be inet. */
  readonly protocol: Family | undefined;
  readonly family: number;
  readonly table: string;
  readonly chain: string;
  /** The rule that matched. None: the chain came to its end, or, with `policy`, the base chain's policy decides. */
  readonly handle: number | undefined;
  readonly verdict: TracedVerdict | undefined;
  /** Where a jump or goto leads. */
  readonly target: string | undefined;
  readonly policy: 'accept' | 'drop' | undefined;
  /** The packet's mark after the rule. */
  readonly mark: number;
  /** The first message of each base chain tells the rest: the interfaces' numbers, the headers, the connection. */
  readonly first: boolean;
  readonly iif: number | undefined;
  readonly oif: number | undefined;
  readonly networkHeader: Uint8Array | undefined;
  readonly transportHeader: Uint8Array | undefined;
  readonly connection: TracedConnection | undefined;
}

/** Whether this kernel tells what connection tracking knows of packets: Linux 6.16 and later. */
export function tellsConnections(release = osRelease()): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 16);
}

/** Attributes. Source: linux/netfilter/nf_tables.h, enum nft_trace_attributes. */
const TABLE = 1;
const CHAIN = 2;
const RULE_HANDLE = 3;
const VERDICT = 5;
const ID = 6;
const NETWORK_HEADER = 8;
const TRANSPORT_HEADER = 9;
const IIF = 10;
const IIFTYPE = 11;
const OIF = 12;
const OIFTYPE = 13;
const MARK = 14;
const NFPROTO = 15;
const POLICY = 16;
const CT_ID = 18;
const CT_DIRECTION = 19;
const CT_STATUS = 20;
const CT_STATE = 21;

const VERDICTS: Readonly<Record<number, TracedVerdict>> = {
  0: 'drop',
  1: 'accept',
  2: 'stolen',
  3: 'queue',
  [-1]: 'continue',
  [-2]: 'break',
  [-3]: 'jump',
  [-4]: 'goto',
  [-5]: 'return',
};
const VERDICT_MASK = 0xff;

const LITTLE = endianness() === 'LE';
const HEADER = 16 + 4;

/**
 * Reads one netlink message (its header included) of type NFT_MSG_TRACE. The headers in it are views of `bytes`: copy them
 * before the buffer is used again.
 */
export function readTraceMessage(bytes: Uint8Array): TraceMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [table, chain, protocol, id, mark] = ['', '', 0, 0, 0];
  let handle: number | undefined;
  let verdict: TracedVerdict | undefined;
  let target: string | undefined;
  let policy: TraceMessage['policy'];
  let first = false;
  let iif: number | undefined;
  let oif: number | undefined;
  let networkHeader: Uint8Array | undefined;
  let transportHeader: Uint8Array | undefined;
  let [ctId, ctReply, ctStatus, ctState]: [number | undefined, boolean, number, number] = [undefined, false, 0, 0];
  for (let at = HEADER; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, LITTLE);
    if (length < 4 || at + length > bytes.length) break;
    const [from, to] = [at + 4, at + length];
    switch (view.getUint16(at + 2, LITTLE) & 0x3fff) {
      case TABLE:
        table = name(bytes, from, to);
        break;
      case CHAIN:
        chain = name(bytes, from, to);
        break;
      case RULE_HANDLE:
        // 64 bits, of which 32 last for four thousand million rules.
        handle = view.getUint32(from + 4);
        break;
      case VERDICT: {
        // Nested: its code, and the name of the chain that a jump leads to.
        const code = view.getInt32(from + 4);
        verdict = VERDICTS[code < 0 ? code : code & VERDICT_MASK];
        if (to > from + 12) target = name(bytes, from + 12, from + 8 + view.getUint16(from + 8, LITTLE));
        break;
      }
      case ID:
        id = view.getUint32(from);
        break;
      case NETWORK_HEADER:
        networkHeader = bytes.subarray(from, to);
        break;
      case TRANSPORT_HEADER:
        transportHeader = bytes.subarray(from, to);
        break;
      case IIF:
        iif = view.getUint32(from);
        break;
      case OIF:
        oif = view.getUint32(from);
        break;
      case IIFTYPE:
      case OIFTYPE:
        first = true;
        break;
      case MARK:
        mark = view.getUint32(from);
        break;
      case NFPROTO:
        protocol = view.getUint32(from);
        break;
      case POLICY:
        policy = view.getUint32(from) === 0 ? 'drop' : 'accept';
        break;
      case CT_ID:
        ctId = view.getUint32(from);
        break;
      case CT_DIRECTION:
        ctReply = bytes[from] === 1;
        break;
      case CT_STATUS:
        ctStatus = view.getUint32(from);
        break;
      case CT_STATE:
        ctState = view.getUint32(from);
        break;
    }
    at += (length + 3) & ~3;
  }
  return {
    id,
    protocol: protocol === 2 ? 'ipv4' : protocol === 10 ? 'ipv6' : undefined,
    family: bytes[16] ?? 0,
    table,
    chain,
    handle,
    verdict,
    target,
    policy,
    mark,
    first: first || networkHeader !== undefined,
    iif,
    oif,
    networkHeader,
    transportHeader,
    connection:
      ctId === undefined && ctState === 0
        ? undefined
        : { id: ctId ?? 0, reply: ctReply, status: ctStatus, state: ctState },
  };
}

/** Names by a hash of their bytes: they are few, and come again with every packet. */
const names = new Map<number, string>();
/** So many are kept: more than one rule set has. */
const MOST_NAMES = 4096;

/** Without its closing zero. */
function name(bytes: Uint8Array, from: number, to: number): string {
  let hash = 0;
  let end = from;
  for (; end < to && bytes[end] !== 0; end += 1) hash = (Math.imul(hash, 31) + bytes[end]!) | 0;
  const known = names.get(hash);
  if (known !== undefined && holds(bytes, from, end, known)) return known;
  let text = '';
  for (let at = from; at < end; at += 1) text += String.fromCharCode(bytes[at]!);
  if (names.size >= MOST_NAMES) names.clear();
  names.set(hash, text);
  return text;
}

function holds(bytes: Uint8Array, from: number, end: number, text: string): boolean {
  if (text.length !== end - from) return false;
  for (let at = from; at < end; at += 1) if (text.charCodeAt(at - from) !== bytes[at]) return false;
  return true;
}
