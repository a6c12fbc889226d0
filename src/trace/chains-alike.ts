import { type Chain, type Rule, saysTheSame, type Table } from '../netfilter/index.ts';
import type { CompiledChain, CompiledTable } from './program.ts';

/**
 * The chains of a table that say the same in another one which is compiled already, and lead to chains that do: rule sets that are
 * compared have most of theirs in common, and these are not compiled again. What only nft shows is looked at with its table: chains
 * with such rules are none of them.
 */
export function chainsAlike(table: Table, compiled: CompiledTable | undefined): ReadonlyMap<string, CompiledChain> {
  const alike = new Map<string, CompiledChain>();
  if (!compiled) return alike;
  const sources = new Map<string, Chain>();
  for (const chain of table.chains) {
    sources.set(chain.name, chain);
    const other = compiled.chains.get(chain.name);
    if (other && other.policy === chain.policy && haveAlikeRules(chain, other)) alike.set(chain.name, other);
  }
  // A chain that leads to one which is not alike is not, either; that goes on to those that lead to it.
  const callers = new Map<string, string[]>();
  const others: string[] = [];
  for (const { name, rules } of sources.values()) {
    if (!alike.has(name)) others.push(name);
    for (const { target } of rules) {
      if (target?.kind !== 'jump' && target?.kind !== 'goto') continue;
      const known = callers.get(target.chain);
      if (known) known.push(name);
      else callers.set(target.chain, [name]);
      if (!sources.has(target.chain)) others.push(target.chain);
    }
  }
  for (let name = others.pop(); name !== undefined; name = others.pop())
    for (const caller of callers.get(name) ?? []) if (alike.delete(caller)) others.push(caller);
  return alike;
}

function haveAlikeRules({ rules }: Chain, { rules: others }: CompiledChain): boolean {
  if (rules.length !== others.length) return false;
  for (let at = 0; at < rules.length; at += 1) {
    const rule = rules[at]!;
    const { rule: other, acts } = others[at]!;
    if (rule.nft || acts || !saysTheSame(rule, other as Rule)) return false;
  }
  return true;
}
