import type { Family } from '../address/index.ts';
import {
  BUILT_IN,
  type Chain,
  isBuiltIn,
  type Rule,
  type RuleSet,
  TABLES,
  type Table,
  tableOf,
} from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import type { Command, Program } from './interception.ts';
import { chainOfTarget, isOwnChain, type Ownership, ownership, type Placement } from './own.ts';

/**
 * The rule set after a program ran, whatever stood there before: the chains, jumps and rules of an earlier Istio
 * interception of either generation are replaced, everything else stays and keeps its order.
 *
 * A built-in chain whose own rules are already those of the program is left exactly as it is; otherwise its own rules
 * are laid as in a fresh start: inserted ones at the top, appended ones at the end. So a second run changes nothing.
 *
 * @param together all rule sets of the same namespace (see own.ts).
 * @example printSave(programmed(emptyRuleSet('ipv4'), dialectOf('istio').write(interception), 'ipv4'))
 */
export function programmed(
  before: RuleSet,
  program: Program,
  family: Family,
  together: readonly RuleSet[] = [before],
): RuleSet {
  if (before.family !== family)
    throw new TypeError(`a program's ${family} rules do not go into ${before.family} rules`);
  return rewritten(before, program.commands[family], together);
}

/**
 * The rule set without an interception of either Istio generation. Tables that hold nothing are left out.
 */
export function cleaned(before: RuleSet, together: readonly RuleSet[] = [before]): RuleSet {
  const after = rewritten(before, [], together);
  return { ...after, tables: after.tables.filter((table) => !isEmpty(table)) };
}

function rewritten(before: RuleSet, commands: readonly Command[], together: readonly RuleSet[]): RuleSet {
  const owner = ownership(before, together, commands);
  const missing = TABLES.filter((name) => !tableOf(before, name) && commands.some((command) => command.table === name));
  const tables = [...before.tables, ...missing.map(freshTable)].map((table) =>
    rewriteTable(
      table,
      commands.filter((command) => command.table === table.name),
      owner,
      before.family,
    ),
  );
  // A table that this emptied is gone; one that was empty before is not this function's business.
  const kept = tables.filter((table) => !isEmpty(table) || isUntouchedBy(table, before));
  return { ...before, tables: kept };
}

const isUntouchedBy = (table: Table, before: RuleSet): boolean => {
  const earlier = tableOf(before, table.name);
  return earlier !== undefined && isEmpty(earlier);
};

const freshTable = (name: Table['name']): Table => ({
  name,
  chains: BUILT_IN[name].map((chain) => ({ name: chain, policy: 'ACCEPT', rules: [] })),
});

/** Whether a table decides nothing: no chains of its own, no rules, no policy but ACCEPT. */
const isEmpty = ({ name, chains }: Table): boolean =>
  chains.every(
    (chain) => isBuiltIn(name, chain.name) && chain.rules.length === 0 && (chain.policy ?? 'ACCEPT') === 'ACCEPT',
  );

function rewriteTable(table: Table, commands: readonly Command[], owner: Ownership, family: Family): Table {
  const names = new Set(commands.flatMap(({ chain, rule }) => [chain, chainOfTarget(rule) ?? '']));
  const wanted = [...names].filter(isOwnChain);
  const stays = (rule: Rule): boolean => {
    const chain = chainOfTarget(rule) ?? '';
    return !isOwnChain(chain) || names.has(chain);
  };
  const commandsFor = (name: string): readonly Command[] => commands.filter(({ chain }) => chain === name);
  const chains = table.chains.flatMap((chain): readonly Chain[] => {
    if (isOwnChain(chain.name)) return [];
    if (isBuiltIn(table.name, chain.name)) return [rewriteBuiltIn(chain, commandsFor(chain.name), owner, family)];
    // Somebody else's chain: only a jump to a chain that is no more has to go.
    return [chain.rules.every(stays) ? chain : { ...chain, rules: chain.rules.filter(stays) }];
  });
  const absent = BUILT_IN[table.name].filter((name) => names.has(name) && !chains.some((chain) => chain.name === name));
  for (const name of absent) {
    chains.push({ name, policy: 'ACCEPT', rules: placed([], commandsFor(name)).map(({ rule }) => rule) });
  }
  const own = wanted.map((name) => ownChain(table, name, commandsFor(name), family));
  return { ...table, chains: [...chains, ...own] };
}

/** A chain of the interception's own. One that is already so keeps its counters. */
function ownChain(table: Table, name: string, commands: readonly Command[], family: Family): Chain {
  const rules = placed([], commands).map(({ rule }) => rule);
  const earlier = table.chains.find((chain) => chain.name === name);
  if (!earlier || !isSame(earlier.rules, rules, family)) return { name, rules };
  return { ...earlier, rules: earlier.rules.map((rule, index) => explained(rule, rules[index])) };
}

function rewriteBuiltIn(chain: Chain, commands: readonly Command[], owner: Ownership, family: Family): Chain {
  const held = chain.rules.filter((rule) => owner.has(rule));
  const fresh = placed([], commands);
  if (held.length === 0 && (fresh.length === 0 || holdsRun(chain.rules, fresh, family))) return chain;
  const alike =
    isSame(
      held,
      fresh.map(({ rule }) => rule),
      family,
    ) && held.every((rule, index) => owner.get(rule) === fresh[index]?.placement);
  if (alike) {
    const reasons = new Map(held.map((rule, index) => [rule, fresh[index]?.rule]));
    return { ...chain, rules: chain.rules.map((rule) => explained(rule, reasons.get(rule))) };
  }
  const foreign = chain.rules.filter((rule) => !owner.has(rule));
  return { ...chain, rules: placed(foreign, commands).map(({ rule }) => rule) };
}

/** The rules of a chain after commands were carried out on it, one after the other. */
function placed(
  rules: readonly Rule[],
  commands: readonly Command[],
): readonly { readonly rule: Rule; readonly placement?: Placement }[] {
  const result: { readonly rule: Rule; readonly placement?: Placement }[] = rules.map((rule) => ({ rule }));
  for (const { at, rule } of commands) {
    if (at === 'append') result.push({ rule, placement: 'appended' });
    else result.splice(at - 1, 0, { rule, placement: 'inserted' });
  }
  return result;
}

/** Whether the rules stand there one behind the other, though nothing proves whose they are. */
function holdsRun(rules: readonly Rule[], run: readonly { readonly rule: Rule }[], family: Family): boolean {
  const wanted = run.map(({ rule }) => rule);
  return rules.some((_, at) => isSame(rules.slice(at, at + wanted.length), wanted, family));
}

const isSame = (a: readonly Rule[], b: readonly Rule[], family: Family): boolean =>
  a.length === b.length && a.every((rule, index) => printRule(rule, family) === printRule(b[index]!, family));

/** The rule as it stands, and why it exists. */
const explained = (rule: Rule, why: Rule | undefined): Rule =>
  why?.reason === undefined ? rule : { ...rule, reason: why.reason };
