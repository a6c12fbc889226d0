import type { Family } from '../address/index.ts';
import type { TableName } from '../netfilter/index.ts';
import { parseRule } from '../text/index.ts';
import type { Command } from './interception.ts';

/** A rule as a dialect writes it down: the words after `-A CHAIN`, and why it exists. */
export interface Line {
  readonly table: TableName;
  readonly chain: string;
  readonly at: 'append' | number;
  readonly words: string;
  readonly reason: string;
}

/**
 * A rule at the end of a chain.
 *
 * @example append('nat', 'ISTIO_INBOUND', '-p tcp --dport 15008 -j RETURN', 'the tunnel port is the proxy itself')
 */
export const append = (table: TableName, chain: string, words: string, reason: string): Line => ({
  table,
  chain,
  at: 'append',
  words,
  reason,
});

/** A rule at a one-based position of a chain; what stood there moves down. */
export const insert = (table: TableName, chain: string, at: number, words: string, reason: string): Line => ({
  table,
  chain,
  at,
  words,
  reason,
});

/** The lines as commands, each rule read as iptables would read it. `chains` are those that a rule may jump to. */
export const commandsOf = (lines: readonly Line[], family: Family, chains: readonly string[]): readonly Command[] =>
  lines.map(({ table, chain, at, words, reason }) => ({
    table,
    chain,
    at,
    rule: { ...parseRule(words, { family, table, chains }), reason },
  }));
