import type { Family } from '../../address/index.ts';
import {
  type Backend,
  BUILT_IN,
  type Chain,
  isBuiltIn,
  type Rule,
  type RuleSet,
  type TableName,
} from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { type Draft, newDraft } from '../draft.ts';
import { checkJumps, type DeferredHooks, loopIn } from '../jumps.ts';
import { printSpec } from '../print-rule.ts';
import { unreadable } from '../read-command.ts';
import { type OpenChain, openChain } from '../reading.ts';
import type { Call } from './arguments.ts';

/** A rule leads to a chain that is not there. The tools say so and go on. */
export class MissingChain extends Fault {}

export const MAKE_FIRST = 'A user chain is made first: -N and its name.';

/** What one back end of one family holds while commands are carried out. */
export interface Holding {
  readonly family: Family;
  readonly backend: Backend;
  readonly tables: Map<TableName, Held>;
}

/** One table while commands are carried out. */
export interface Held {
  readonly name: TableName;
  readonly chains: Map<string, OpenChain>;
  readonly draft: Draft;
  /** Uses of extensions that only some hooks may hold, by the rule that holds them. */
  readonly hooks: WeakMap<Rule, readonly DeferredHooks[]>;
  /** Those of the rule that is being read. */
  found: DeferredHooks[];
  /** Rules as they print, which tells those that are alike. */
  readonly printed: WeakMap<Rule, string>;
  /** Built-in chains whose policy is not known, with the line of a command that may have set it. */
  readonly policies: Map<string, number>;
  /** User chains that may be there or not: nothing is known of what they hold. */
  readonly mayBe: Set<string>;
}

export function heldTable(holding: Holding, name: TableName): Held {
  const known = holding.tables.get(name);
  if (known) return known;
  const chains = new Map<string, OpenChain>();
  for (const chain of BUILT_IN[name]) chains.set(chain, openChain(chain, 'ACCEPT'));
  const held: Held = {
    name,
    chains,
    draft: newDraft(scopeOf(holding.family, name, chains, (use) => held.found.push(use))),
    hooks: new WeakMap(),
    found: [],
    printed: new WeakMap(),
    policies: new Map(),
    mayBe: new Set(),
  };
  holding.tables.set(name, held);
  return held;
}

function scopeOf(
  family: Family,
  table: TableName,
  chains: Held['chains'],
  found: (use: DeferredHooks) => void,
): Draft['scope'] {
  const scope: Draft['scope'] = {
    family,
    table,
    chain: undefined,
    chainNamed: (chain) => chains.get(chain),
    // A command's jump leads to a chain that is there already.
    onUndeclared: (chain, at, length) => {
      throw new MissingChain(at, length, `${chain} is no target, and no chain of ${table}`, MAKE_FIRST);
    },
    onHooks: (extension, hooks, at, length) =>
      found({ chain: scope.chain ?? '', extension, hooks, at, length, line: 0 }),
  };
  return scope;
}

/** What the kernel would refuse of the tables as they are in the end. */
export function* faultsOf({ tables }: Holding): Generator<{ readonly fault: Fault; readonly line: number }> {
  for (const { name, chains, hooks } of tables.values()) {
    const deferred = [...chains.values()].flatMap((chain) =>
      chain.rules.flatMap((rule) => (hooks.get(rule) ?? []).map((use) => ({ ...use, chain: chain.name }))),
    );
    for (const { at, length, line, message, hint } of checkJumps(name, chains, deferred))
      yield { fault: new Fault(at, length, message, hint), line };
    const loop = loopIn(name, chains);
    if (!loop) continue;
    const hint = 'A chain that leads back to itself would hold a packet for ever.';
    yield {
      fault: new Fault(-1, 1, `a rule of ${loop.chain} leads in a circle`, hint),
      line: loop.rule.line ?? 1,
    };
  }
}

/** The rule set that is there after the commands. */
export const ruleSetOf = ({ family, tables }: Holding): RuleSet => ({
  family,
  tables: [...tables.values()].map((held) => ({
    name: held.name,
    chains: [...held.chains.values()].map((chain) => closed(chain, held)),
  })),
});

/** A policy that is not known is a rule at the end of which nothing is known. */
function closed({ name, policy, rules }: OpenChain, { policies }: Held): Chain {
  const line = policies.get(name);
  const last = line === undefined ? [] : [unreadable(`-P ${name}`, undefined, line)];
  return { name, ...(policy ? { policy } : {}), rules: [...rules, ...last] };
}

/** Empties a chain; of one that may not be there, still nothing is known. */
export function empty({ mayBe }: Held, chain: OpenChain): void {
  const [first] = chain.rules;
  chain.rules.length = 0;
  if (first && mayBe.has(chain.name)) chain.rules.push(unreadable(`-N ${chain.name}`, undefined, first.line ?? 1));
}

/** Where in a chain the first rule stands that the kernel holds like this one; -1 where there is none. */
export function indexOfSame({ printed }: Held, { rules }: OpenChain, rule: Rule, family: Family): number {
  const print = (one: Rule): string => {
    const known = printed.get(one) ?? printSpec(one, family, 'nft');
    printed.set(one, known);
    return known;
  };
  const wanted = print(rule);
  return rules.findIndex((one) => print(one) === wanted);
}

/** How many rules a command looks at to find what it is about. */
export function looksAt({ chains }: Held, { action, names }: Call): number {
  const all = action === 'delete-chain' || action === 'rename-chain';
  if (!all && action !== 'check' && action !== 'delete') return 0;
  if (!all) return chains.get(names[0]?.text ?? '')?.rules.length ?? 0;
  let count = chains.size;
  for (const { rules } of chains.values()) count += rules.length;
  return count;
}

/** Whether a rule of the table leads to the chain. */
export const isNamed = ({ chains }: Held, name: string): boolean =>
  [...chains.values()].some(({ rules }) =>
    rules.some(({ target }) => target !== undefined && 'chain' in target && target.chain === name),
  );

/** Another name for a chain, in the rules that lead to it too. */
export function rename(held: Held, from: string, to: string): void {
  const chains = [...held.chains.values()];
  held.chains.clear();
  for (const chain of chains) {
    const rules = chain.rules.map((rule): Rule => {
      const { target } = rule;
      if (target === undefined || !('chain' in target) || target.chain !== from) return rule;
      const renamed = { ...rule, target: { ...target, chain: to } };
      const uses = held.hooks.get(rule);
      if (uses) held.hooks.set(renamed, uses);
      return renamed;
    });
    const name = chain.name === from ? to : chain.name;
    held.chains.set(name, { ...chain, name, rules, jump: undefined, goto: undefined });
  }
}

/** The user chains, in the order in which they were made. */
export const userChains = ({ name, chains }: Held): readonly OpenChain[] =>
  [...chains.values()].filter((chain) => !isBuiltIn(name, chain.name));
