import { FAMILIES, type Family } from '../address/index.ts';
import {
  type Backend,
  chainOf,
  type HeldRules,
  isBuiltIn,
  type Rule,
  type RuleSet,
  type TableName,
} from '../netfilter/index.ts';
import { type Box, common } from './box.ts';
import { isToProxy } from './chain.ts';
import { isBypass } from './comments.ts';
import { compareRules } from './drift.ts';
import { type Fate, fatesOf } from './fate.ts';
import { isOwnChain } from './own.ts';
import { withRules } from './rule-changes.ts';
import { WORLDS, type World } from './world.ts';

/** A rule of somebody else's in a built-in chain, or the chain's policy: anything that the program did not put there. */
interface Foreign {
  readonly backend: Backend;
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  /** Absent: the chain's policy. */
  readonly rule?: Rule;
}

/** Connections that fare otherwise than the interception would have it. */
export interface Diverted {
  readonly world: World;
  readonly connections: Box;
  /** How they fare. */
  readonly fate: Fate;
}

/** What of others' rules changes the fate of connections that the interception decides on. */
export interface Interference extends Foreign {
  /** Some of the connections, each kind once. Empty where the rules are too many to be followed. */
  readonly diverted: readonly Diverted[];
}

/**
 * Finds the rules of others, in whatever table, because of which intercepted connections end elsewhere than the
 * interception alone would send them. A firewall that lets them through is none; a rule that lets some of them by, turns
 * them, or drops them is one. Bypasses of Sidestep's are left out.
 *
 * All connections of a kind are followed at once (`fatesOf`), so what is not found does not exist, as far as every rule
 * could be decided; what cannot be decided counts as both. Connections are looked at by their first packet. Rules too many
 * to be followed so are findings where they stand in one chain with the interception's own, and not looked at elsewhere.
 *
 * @param held what the namespace holds, with the interception itself as it should be
 * @param wanted what it would hold with nothing of others
 * @param now the clock in seconds since 1970
 */
export function interferenceIn(
  held: readonly HeldRules[],
  wanted: readonly HeldRules[],
  now: number,
): readonly Interference[] {
  return FAMILIES.flatMap((family) => {
    const own = held.filter(({ rules }) => rules.family === family);
    const foreign = own.flatMap((one) => foreignIn(one, wanted));
    const isBeside = ({ backend, table, chain }: Foreign): boolean =>
      wanted.some((one) => one.backend === backend && (chainOf(one.rules, table, chain)?.rules.length ?? 0) > 0);
    return foreign.length === 0 ? [] : causesOf(own, foreign, family, now, isBeside);
  });
}

/** Whether all connections can be followed through the rules of a namespace: not where there are too many rules. */
export const isFollowed = (held: readonly HeldRules[], now: number): boolean =>
  FAMILIES.every((family) => {
    const own = held.filter(({ rules }) => rules.family === family);
    return own.length === 0 || followed(own, now) !== undefined;
  });

/** What of a rule set the program did not write, in built-in chains. */
function foreignIn({ backend, rules }: HeldRules, wanted: readonly HeldRules[]): readonly Foreign[] {
  const { family } = rules;
  const own = wanted.find((one) => one.backend === backend && one.rules.family === family)?.rules;
  return compareRules(own ?? { family, tables: [] }, rules).flatMap(({ kind, table, chain, rule }): Foreign[] => {
    if (!isBuiltIn(table, chain)) return [];
    const where = { backend, family, table, chain };
    if (kind === 'policy') return [where];
    return kind === 'extra' && rule ? [{ ...where, rule }] : [];
  });
}

/** The rule sets without some of what others put there. */
const without = (held: readonly HeldRules[], gone: readonly Foreign[]): readonly HeldRules[] =>
  gone.reduce(
    (left, { backend, table, chain, rule }) =>
      left.map((one) => {
        if (one.backend !== backend) return one;
        const there = chainOf(one.rules, table, chain);
        if (!there) return one;
        const rules = rule
          ? withRules(
              one.rules,
              table,
              chain,
              there.rules.filter((other) => other !== rule),
            )
          : accepting(one.rules, table, chain);
        return { backend, rules };
      }),
    held,
  );

const accepting = (rules: RuleSet, table: TableName, chain: string): RuleSet => ({
  ...rules,
  tables: rules.tables.map((one) =>
    one.name === table
      ? { ...one, chains: one.chains.map((each) => (each.name === chain ? { ...each, policy: 'ACCEPT' } : each)) }
      : one,
  ),
});

/**
 * Which of them it is: first those without which some connections fare as they should, until all do.
 *
 * @param isBeside whether the interception has rules in the same chain
 */
function causesOf(
  held: readonly HeldRules[],
  all: readonly Foreign[],
  family: Family,
  now: number,
  isBeside: (one: Foreign) => boolean,
): readonly Interference[] {
  const follow = (of: readonly HeldRules[]) => followed(of, now);
  const bypasses = all.filter(({ rule }) => rule && isBypass(rule));
  const there = without(held, bypasses);
  let left = all.filter((one) => !bypasses.includes(one));
  const alone = follow(without(there, left));
  const found: Interference[] = [];
  while (left.length > 0) {
    const rest = without(there, found);
    const does = follow(rest);
    if (!alone || !does) return [...found, ...left.filter(isBeside).map((one) => ({ ...one, diverted: [] }))];
    const { differ } = compared(alone, does, family);
    if (differ.length === 0) break;
    const needed = left.flatMap((one): Interference[] => {
      const less = follow(without(rest, [one]));
      const diverted = less ? restored(differ, compared(alone, less, family), family) : differ;
      return diverted.length > 0 ? [{ ...one, diverted }] : [];
    });
    // Of several that do the same none is needed: each of them does it by itself.
    const enough =
      needed.length > 0
        ? []
        : left.flatMap((one): Interference[] => {
            const more = follow(
              without(
                there,
                left.filter((other) => other !== one),
              ),
            );
            const diverted = more ? compared(alone, more, family).differ : differ;
            return diverted.length > 0 ? [{ ...one, diverted }] : [];
          });
    const causes =
      needed.length > 0 ? needed : enough.length > 0 ? enough : left.map((one) => ({ ...one, diverted: differ }));
    found.push(...causes);
    left = left.filter((one) => !causes.some((cause) => isSame(cause, one)));
  }
  return found;
}

const isSame = (a: Foreign, b: Foreign): boolean =>
  a.backend === b.backend && a.table === b.table && a.chain === b.chain && a.rule === b.rule;

/** The fates of every world, or undefined where the rules are too many for that. */
function followed(held: readonly HeldRules[], now: number): ReadonlyMap<World, readonly Fate[]> | undefined {
  const sets = held.map(({ rules }) => rules);
  const fates = new Map<World, readonly Fate[]>();
  for (const world of WORLDS) {
    const of = fatesOf(sets, world, now);
    if (!of) return undefined;
    fates.set(world, of);
  }
  return fates;
}

interface Comparison {
  readonly differ: readonly Diverted[];
  readonly agree: readonly Diverted[];
}

/** Where connections that the interception decides on end otherwise, and where they end alike. */
function compared(
  alone: ReadonlyMap<World, readonly Fate[]>,
  now: ReadonlyMap<World, readonly Fate[]>,
  family: Family,
): Comparison {
  const proxyPorts = new Set(
    [...alone.values()].flat().flatMap(({ turned }) => (turned && isToProxy(turned, family) ? [turned.port] : [])),
  );
  const differ: Diverted[] = [];
  const agree: Diverted[] = [];
  for (const world of WORLDS) {
    const [should, does] = [alone.get(world) ?? [], now.get(world) ?? []];
    for (const fate of does) {
      for (const one of should) {
        const connections = common(one.sent, fate.sent, family);
        if (!connections) continue;
        const isAlike =
          endOf(fate) === endOf(one) ||
          // What could not be decided is there more than once, with each of its ends.
          should.some((other) => endOf(other) === endOf(fate) && common(other.sent, connections, family));
        if (isAlike) agree.push({ world, connections, fate });
        else if (concerns(one, fate, proxyPorts, family)) differ.push({ world, connections, fate });
      }
    }
  }
  return { differ, agree };
}

/** What becomes of a connection, in a word that equal ends share. */
function endOf({ verdict, turned, now }: Fate): string {
  if (verdict !== 'arrives') return verdict;
  if (!turned) return 'direct';
  const { how, port, address } = turned;
  const { destination, destinationPort, mark } = now.values;
  // TPROXY leaves the destination to be read by the proxy, and the packet is routed by its mark.
  const rest = how === 'TPROXY' ? [destination, destinationPort, mark] : [];
  return [how, port, address, ...rest].join(' ');
}

/**
 * Whether a difference is the interception's business: what it turns to the proxy, or refuses; what else ends there; and
 * what it has decided not to turn but is turned.
 */
function concerns(should: Fate, does: Fate, proxyPorts: ReadonlySet<number | undefined>, family: Family): boolean {
  const toProxy = ({ verdict, turned }: Fate): boolean =>
    verdict === 'arrives' && !!turned && isToProxy(turned, family);
  if (toProxy(should)) return true;
  if (should.verdict !== 'arrives') return does.verdict === 'arrives';
  if (!toProxy(does)) return false;
  return proxyPorts.has(does.turned?.port) || should.trail.some(({ chain }) => isOwnChain(chain));
}

/** The part of what differed that fares as it should now. */
function restored(before: readonly Diverted[], { agree, differ }: Comparison, family: Family): readonly Diverted[] {
  return before.filter(({ world, connections }) =>
    agree.some((one) => {
      const both = one.world === world && common(one.connections, connections, family);
      return both && !differ.some((other) => other.world === world && common(other.connections, both, family));
    }),
  );
}
