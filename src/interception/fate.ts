import {
  BUILT_IN,
  CTSTATE,
  chainOf,
  type HookName,
  type RuleSet,
  STAGES,
  type TableName,
  withoutNat,
} from '../netfilter/index.ts';
import { EVERYTHING } from './box.ts';
import { runChain, type Traveller, type Verdict, type Walk } from './chain.ts';
import { valuesNow } from './split.ts';
import { baseOf, type World } from './world.ts';

/** Packets that fare alike, and how. */
export interface Fate extends Traveller {
  readonly verdict: Verdict;
}

/**
 * What becomes of every new connection of one kind: the packets that a world begins with, sent through the tables of
 * these rule sets (one family; several where both back ends hold rules, in their order). The fates are disjoint and
 * together make up the world. Undefined when the rules are too many to be told in few words.
 *
 * @param now the clock in seconds since 1970, for rules that end; undefined: any time
 */
export function fatesOf(
  held: readonly RuleSet[],
  world: World,
  now: number | undefined,
  sets?: Walk['sets'],
): readonly Fate[] | undefined {
  const family = held[0]?.family ?? 'ipv4';
  const start: Traveller = { sent: baseOf(world, family, now), now: EVERYTHING, doubts: [], trail: [] };
  const fates: Fate[] = [];
  const walk: Walk = {
    family,
    sets,
    settle: (one, verdict) => fates.push({ ...one, verdict }),
    tooMany: false,
  };
  if (world === 'inbound') arrive(held, walk, runHook(held, walk, 'PREROUTING', 1, [start]), 1);
  else {
    const left = runHook(held, walk, 'OUTPUT', 1, [start]);
    const comesBack = (one: Traveller): boolean => world === 'self' || one.turned?.how === 'REDIRECT';
    const byDevice = left.map((one) => (comesBack(one) ? { ...one, now: { ...one.now, names: TO_LOOPBACK } } : one));
    const gone = runHook(held, walk, 'POSTROUTING', 1, byDevice);
    for (const one of gone) if (!comesBack(one)) walk.settle(one, 'arrives');
    const onLoopback = gone.filter(comesBack).map((one) => ({ ...one, now: { ...one.now, names: BY_LOOPBACK } }));
    arrive(held, walk, runHook(held, walk, 'PREROUTING', 2, onLoopback), 2);
  }
  return walk.tooMany ? undefined : fates;
}

const TO_LOOPBACK = { in: { within: '', except: [] }, out: { within: 'lo', except: [] } } as const;
const BY_LOOPBACK = { in: { within: 'lo', except: [] }, out: { within: '', except: [] } } as const;

function arrive(held: readonly RuleSet[], walk: Walk, travellers: readonly Traveller[], pass: 1 | 2): void {
  for (const one of runHook(held, walk, 'INPUT', pass, travellers)) walk.settle(one, 'arrives');
}

function runHook(
  held: readonly RuleSet[],
  walk: Walk,
  hook: HookName,
  pass: 1 | 2,
  travellers: readonly Traveller[],
): readonly Traveller[] {
  let going = travellers;
  // nat INPUT and nat on the loopback pass never change a destination.
  const stages = pass === 1 && hook !== 'INPUT' ? STAGES[hook] : withoutNat(hook);
  for (const { name, backend } of stages) {
    // Where a table stands in the one back end and in the other makes no difference here.
    if (name === 'conntrack' || backend === 'legacy' || !(BUILT_IN[name] as readonly string[]).includes(hook)) continue;
    for (const rules of held) going = runTable(rules, walk, name, hook, pass, going);
  }
  return going;
}

function runTable(
  rules: RuleSet,
  walk: Walk,
  table: TableName,
  hook: HookName,
  pass: 1 | 2,
  travellers: readonly Traveller[],
): readonly Traveller[] {
  const chain = chainOf(rules, table, hook);
  if (!chain || (chain.rules.length === 0 && chain.policy !== 'DROP')) return travellers;
  const asked = table === 'nat' ? travellers.filter((one) => reachesNat(walk, one)) : travellers;
  const accepted = travellers.filter((one) => !asked.includes(one));
  const fellThrough = runChain({ walk, rules, table, hook, pass, accepted }, hook, asked, 0);
  if (chain.policy !== 'DROP') accepted.push(...fellThrough);
  else for (const one of fellThrough) walk.settle(one, 'dropped');
  return accepted;
}

/** nat is asked of a connection's first packet, once, and never of what is not tracked. */
function reachesNat(walk: Walk, one: Traveller): boolean {
  if (one.turned && one.turned.how !== 'TPROXY') return false;
  return valuesNow(one, 'ctstate', walk.family).some(([low, high]) => low <= CTSTATE.NEW && high >= CTSTATE.NEW);
}
