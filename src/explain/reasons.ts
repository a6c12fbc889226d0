import {
  dialectOf,
  type Interception,
  inferInterception,
  type Program,
  programmed,
  RequestRefused,
} from '../interception/index.ts';
import { type Chain, chainOf, type HeldRules, type Snapshot, type TableName } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';

/**
 * The snapshot with the reason of every rule that a dialect wrote. Rules from the kernel carry none; the interception that
 * they were most plausibly written from is written again, and chains that come out the same take its reasons.
 */
export function withReasons(snapshot: Snapshot): Snapshot {
  const interception = inferInterception(snapshot);
  if (!interception) return snapshot;
  const program = written(interception);
  if (!program) return snapshot;
  const together = snapshot.held.map(({ rules }) => rules);
  return {
    ...snapshot,
    held: snapshot.held.map((held) => {
      const again = programmed(held.rules, program, held.rules.family, together);
      return reasoned(held, (table, chain) => chainOf(again, table, chain));
    }),
  };
}

/** Somebody's own variation may be one that no dialect writes: then there are no reasons to give. */
function written(interception: Interception): Program | undefined {
  try {
    return dialectOf(interception.dialect).write(interception);
  } catch (error) {
    if (error instanceof RequestRefused) return undefined;
    throw error;
  }
}

function reasoned(held: HeldRules, again: (table: TableName, chain: string) => Chain | undefined): HeldRules {
  const { family, tables } = held.rules;
  const print = ({ rules }: Chain): string => rules.map((rule) => printRule(rule, family)).join('\n');
  const explained = (table: TableName, chain: Chain): Chain => {
    const other = again(table, chain.name);
    if (!other || other === chain || print(other) !== print(chain)) return chain;
    return {
      ...chain,
      rules: chain.rules.map((rule, index) => {
        const reason = rule.reason ?? other.rules[index]?.reason;
        return reason === undefined ? rule : { ...rule, reason };
      }),
    };
  };
  return {
    ...held,
    rules: {
      ...held.rules,
      tables: tables.map((table) => ({ ...table, chains: table.chains.map((chain) => explained(table.name, chain)) })),
    },
  };
}
