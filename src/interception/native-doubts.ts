import type { NftChain, NftStatement, NftTable, Snapshot } from '../netfilter/index.ts';
import { isIstioTable } from './native-sets.ts';

/**
 * Native tables in which packets may be intercepted: none of their rules is in the summary's lines, so it says so. One
 * sentence for each of them that turns packets somewhere else, or of which that is not known.
 */
export const nativeDoubts = ({ native = [] }: Snapshot): string[] =>
  native
    .filter((table) => !table.flags.includes('dormant') && !isIstioTable(table))
    .flatMap((table) => doubtOf(table) ?? []);

function doubtOf(table: NftTable): string | undefined {
  for (const chain of table.chains) {
    const index = chain.rules.findIndex(({ statements }) => statements.some(mayTurn));
    if (index >= 0) return sentence(table, chain, index + 1);
  }
  return undefined;
}

const sentence = ({ family, name }: NftTable, { name: chain }: NftChain, number: number): string =>
  `table ${family} ${name} of nftables may intercept (${chain} ${number}), and is not summed up here; trace follows it`;

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
