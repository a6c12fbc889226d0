import { heldFor, type Rule, type RuleSet, type Snapshot } from '../netfilter/index.ts';
import { rearmed } from './bypass-rules.ts';
import { type Bypass, bypassesIn } from './bypasses.ts';
import { isBypass } from './comments.ts';
import { fatesOf } from './fate.ts';
import { interceptedPorts } from './intercepted.ts';
import { withNativeSets } from './native-sets.ts';
import { bothPorts, holdsPorts, joinedPorts, type Ports } from './port-sets.ts';
import type { World } from './world.ts';

/**
 * The bypasses of Sidestep's that let nothing pass: without them their ports would reach the app all the same. So it is
 * after an interception went from REDIRECT to TPROXY (nat is not asked any more), or before the mesh has come. One that
 * has expired is not among them, and neither is one of which the rules do not tell.
 *
 * @param now seconds since 1970
 */
export function idleBypasses(snapshot: Snapshot, now: number): readonly Bypass[] {
  // A native table of Istio's holds its bypasses itself.
  const whole = withNativeSets(snapshot);
  return bypassesIn(whole, now).filter((bypass) => {
    if (bypass.expired) return false;
    const rules = heldFor(whole, bypass.family).find((held) => holds(held.rules, bypass.rule))?.rules;
    return rules !== undefined && isIdle(bypass, rules, now);
  });
}

const holds = ({ tables }: RuleSet, rule: Rule): boolean =>
  tables.some(({ chains }) => chains.some(({ rules }) => rules.includes(rule)));

function isIdle({ rule, ports, kind }: Bypass, rules: RuleSet, now: number): boolean {
  const world: World = kind === 'self' ? 'self' : 'inbound';
  // Two may do the same, and either would do; or pass one port on to each other, and both are needed.
  const pairs = [
    [(one: Rule) => one === rule, () => false],
    [() => true, (one: Rule) => one !== rule],
  ] as const;
  return pairs.every(([withIt, without]) => {
    const [more, less] = [withBypasses(withIt, rules), withBypasses(without, rules)];
    // Rules that are too many to be told apart decide nothing.
    if (!fatesOf([more], world, now) || !fatesOf([less], world, now)) return false;
    return holdsPorts(caughtOf(more, world, ports, now), caughtOf(less, world, ports, now));
  });
}

const caughtOf = (rules: RuleSet, world: World, ports: Ports, now: number): Ports =>
  bothPorts(joinedPorts(...interceptedPorts(rules, world, now).values()), ports);

/** The rule set with these of Sidestep's bypasses and no other. */
const withBypasses = (isKept: (rule: Rule) => boolean, rules: RuleSet): RuleSet => ({
  ...rules,
  tables: rules.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) =>
      chain.rules.some(isBypass)
        ? {
            ...chain,
            rules: chain.rules.flatMap((rule) =>
              !isBypass(rule) || isKept(rule) ? [rule] : (rearmed(rule, rules, table.name) ?? []),
            ),
          }
        : chain,
    ),
  })),
});
