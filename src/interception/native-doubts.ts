import type { Family } from '../address/index.ts';
import type { NftChain, NftStatement, NftTable, Snapshot } from '../netfilter/index.ts';
import { isIstioTable } from './native-sets.ts';

/** A rule of a native table that takes packets somewhere else, or may do so: the first of its table. */
export interface NativeTurn {
  readonly table: NftTable;
  readonly chain: NftChain;
  /** One-based. */
  readonly number: number;
}

/** Native tables in which packets may be intercepted, but for Istio's own; of a family, where one is named. */
export const nativeTurns = ({ native = [] }: Snapshot, family?: Family): readonly NativeTurn[] =>
  native
    .filter((table) => !table.flags.includes('dormant') && !isIstioTable(table) && isOf(table, family))
    .flatMap((table) => turnIn(table) ?? []);

/** None of their rules is in the summary's lines, so it says so: one sentence for each. */
export const nativeDoubts = (snapshot: Snapshot): string[] =>
  nativeTurns(snapshot).map((turn) => `${turnWords(turn)}, and is not summed up here; trace follows it`);

/** `table ip mesh of nftables may intercept (pre 1)`. */
export const turnWords = ({ table: { family, name }, chain, number }: NativeTurn): string =>
  `table ${family} ${name} of nftables may intercept (${chain.name} ${number})`;

function turnIn(table: NftTable): NativeTurn | undefined {
  for (const chain of table.chains) {
    const index = chain.rules.findIndex(({ statements }) => statements.some(mayTurn));
    if (index >= 0) return { table, chain, number: index + 1 };
  }
  return undefined;
}

/** Whether a table sees packets of a family. */
const isOf = (table: NftTable, family: Family | undefined): boolean =>
  family === undefined || ({ ip: 'ipv4', ip6: 'ipv6' }[table.family as string] ?? family) === family;

/** Targets of iptables that take packets to another place. */
const TURNING: ReadonlySet<string> = new Set(['DNAT', 'REDIRECT', 'TPROXY', 'NETMAP']);

/** Whether a statement takes packets to another place, or may do so. */
const mayTurn = (statement: NftStatement): boolean =>
  statement.kind === 'xt'
    ? TURNING.has(statement.name)
    : statement.kind === 'dnat' ||
      statement.kind === 'redirect' ||
      statement.kind === 'tproxy' ||
      statement.kind === 'opaque';
