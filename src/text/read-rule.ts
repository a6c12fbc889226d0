import type { Family } from '../address/index.ts';
import type { Rule, TableName } from '../netfilter/index.ts';
import { diagnosticAt, Fault, InputRefused } from './diagnostic.ts';
import { newDraft, type Scope } from './draft.ts';
import { readRule } from './rule.ts';
import { cursorOver } from './words.ts';

/** Where a single rule is to stand. */
export interface RulePlace {
  readonly family: Family;
  readonly table: TableName;
  /** Its chain, where known: some matches and options may not stand in every built-in chain. */
  readonly chain?: string;
  /** The user chains of the table, where known: a jump to any other is refused. */
  readonly chains?: readonly string[];
  /** What the words are called in a diagnostic. */
  readonly source?: string;
}

/**
 * Reads one rule as it is typed after `-A CHAIN`. Throws InputRefused.
 *
 * @example parseRule('-p tcp --dport 8888 -j RETURN', { family: 'ipv4', table: 'nat' })
 */
export function parseRule(words: string, where: RulePlace): Rule {
  const rules: Rule[] = [];
  const { chains } = where;
  try {
    if (words.includes('\0')) throw new Fault(words.indexOf('\0'), 1, 'a NUL character', 'A rule is text.');
    const scope: Scope = {
      family: where.family,
      table: where.table,
      chain: where.chain,
      chainNamed: chains && ((name: string) => (chains.includes(name) ? { name } : undefined)),
      onUndeclared: (name: string, at: number, length: number) => {
        if (chains)
          throw new Fault(
            at,
            length,
            `${name} is no target, and no chain of ${where.table}`,
            'A user chain is made first.',
          );
      },
    };
    const line = words.search(/[\r\n]/);
    if (line >= 0)
      throw new Fault(line, 1, 'a rule is one line', 'Several rules are read as the text of iptables-save.');
    readRule(cursorOver(words), newDraft(scope), undefined, undefined, rules);
    const [rule] = rules;
    if (rule && rules.length === 1) return rule;
    throw rules.length === 0
      ? new Fault(
          0,
          words.length,
          'the rule is for the other family',
          '-4 and -6 leave a rule out of the other family’s set.',
        )
      : new Fault(
          0,
          words.length,
          `these are ${rules.length} rules`,
          'Each address of a list makes a rule of its own: write them one by one.',
        );
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new InputRefused(where.source ?? 'rule', [diagnosticAt(words, error, 1, 0)]);
  }
}
