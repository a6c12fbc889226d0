import type { Family } from '../address/index.ts';
import { type Backend, emptyRuleSet, type HeldRules, type RuleSet, type Snapshot } from '../netfilter/index.ts';
import type { Program } from './interception.ts';
import { type NativeWish, nativeWishes } from './native-wishes.ts';
import { isOwnChain } from './own.ts';
import { cleaned, programmed } from './programmed.ts';
import { type RoutingChanges, routingAfter } from './routing.ts';

/**
 * What a namespace should hold for a program: the program in place of any earlier one, and nothing of an earlier one in
 * the other back end. Rule sets that are not named stay as they are. Applied to its own result it asks for nothing.
 *
 * @param backend which of the two takes the program
 * @param families these only; what the others hold is not looked at
 */
export function heldAfter(
  program: Program,
  before: Snapshot,
  backend: Backend,
  families: readonly Family[],
): {
  readonly held: readonly HeldRules[];
  readonly native: readonly NativeWish[];
  readonly routing: RoutingChanges;
} {
  const together = before.held.map(({ rules }) => rules);
  const fresh = families.map((family) => {
    const old = before.held.find((held) => held.backend === backend && held.rules.family === family)?.rules;
    return { backend, rules: programmed(old ?? emptyRuleSet(family), program, family, together) };
  });
  const holdsOwn = ({ tables }: RuleSet): boolean =>
    tables.some(({ chains }) => chains.some((chain) => isOwnChain(chain.name)));
  const elsewhere = before.held
    .filter((held) => held.backend !== backend && families.includes(held.rules.family) && holdsOwn(held.rules))
    .map((held) => ({ backend: held.backend, rules: cleaned(held.rules, together) }));
  const routing = routingAfter(before, program);
  const concerns = ({ family }: { readonly family: Family }): boolean => families.includes(family);
  return {
    held: [...fresh, ...elsewhere],
    native: nativeWishes(before, program),
    routing: { add: routing.add.filter(concerns), remove: routing.remove.filter(concerns) },
  };
}
