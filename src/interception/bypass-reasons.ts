import type { Family } from '../address/index.ts';
import { chainOf, heldFor, isBuiltIn, type Rule, type RuleSet, type Snapshot } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { untilWords } from './bypass-undo.ts';
import { type Bypass, portsOf } from './bypasses.ts';
import { portList } from './caught-words.ts';
import type { Place } from './chain.ts';
import { isBypass } from './comments.ts';
import type { Fate } from './fate.ts';
import { interceptedPorts, leadingBypasses, tcpPortsOf, turningFates } from './intercepted.ts';
import { nativeTurns, turnWords } from './native-doubts.ts';
import { ALL_PORTS, bothPorts, holdsPorts, joinedPorts, type Ports } from './port-sets.ts';
import { proxyPortsIn } from './proxy-ports.ts';
import type { RuleChange } from './rule-changes.ts';

/** Ports for which a family needs no change, and why. */
export interface Unchanged {
  /** `already`: a rule lets them pass that was made for it. `unneeded`: nobody turns them to the proxy. */
  readonly kind: 'already' | 'unneeded';
  readonly family: Family;
  readonly ports: Ports;
  /** One clause: "nat PREROUTING 1 lets it pass: -p tcp -m tcp --dport 8888 -j RETURN". */
  readonly because: string;
}

/** Why a plan changes nothing for some of the requested ports in a family. Ports of one reason stand together. */
export function reasonsOf(
  snapshot: Snapshot,
  family: Family,
  { ports, now }: BypassRequest,
  changes: readonly RuleChange[],
): readonly Unchanged[] {
  const held = heldFor(snapshot, family);
  if (held.length === 0) return [];
  const changed = joinedPorts(
    // A rule for own calls is no reason to be silent about what comes in.
    ...changes
      .filter((change) => change.family === family && change.chain !== 'OUTPUT')
      .map(({ rule }) => portsOf(rule, family)),
  );
  const found: Unchanged[] = [];
  const rest = ports.filter((range) => bothPorts(changed, [range]).length === 0);
  const rules = held.find((one) => one.rules.tables.length > 0)?.rules ?? held[0]?.rules;
  if (!rules || rest.length === 0) return found;
  const [turn] = nativeTurns(snapshot, family);
  const looked = lookedAt(rules, now, turn && turnWords(turn));
  for (const range of rest) {
    // What is caught all the same is no reason to change nothing: the proof tells of it.
    if (bothPorts(looked.caught, [range]).length > 0) continue;
    const { kind, because } = reasonOf(looked, [range]);
    const same = found.findIndex((one) => one.kind === kind && one.because === because);
    const other = found[same];
    if (other) found[same] = { ...other, ports: joinedPorts(other.ports, [range]) };
    else found.push({ kind, family, ports: [range], because });
  }
  return found;
}

const TABLES = ['mangle', 'nat'] as const;

/** What is found out of a rule set once, for however many ports. */
interface Looked {
  readonly rules: RuleSet;
  readonly caught: Ports;
  readonly proxyPorts: Ports;
  readonly fates: readonly { readonly fate: Fate; readonly own: Ports }[];
  readonly leading: readonly Omit<Bypass, 'backend'>[];
  /** Why something may be intercepted all the same. */
  readonly doubt: string | undefined;
}

const lookedAt = (rules: RuleSet, now: number, doubt: string | undefined): Looked => ({
  rules,
  caught: joinedPorts(...interceptedPorts(rules, 'inbound', now).values()),
  proxyPorts: joinedPorts(proxyPortsIn(rules).map((port) => [port, port] as const)),
  fates: (turningFates(rules, 'inbound', now) ?? []).map((fate) => ({ fate, own: tcpPortsOf(fate, rules) })),
  leading: TABLES.flatMap((table) => leadingBypasses(rules, table, now)),
  doubt,
});

function reasonOf(
  { rules, caught, proxyPorts, fates, leading, doubt }: Looked,
  ports: Ports,
): Pick<Unchanged, 'kind' | 'because'> {
  const places = new Map<Rule, Place>();
  let refused = false;
  for (const { fate, own } of fates) {
    if (bothPorts(own, ports).length === 0) continue;
    refused ||= fate.verdict === 'dropped' || fate.verdict === 'rejected';
    for (const place of fate.trail) {
      const rule = chainOf(rules, place.table, place.chain)?.rules[place.number - 1];
      // Only a rule that was made for ports is a reason for these.
      if (rule && !holdsPorts(portsOf(rule, rules.family), ALL_PORTS)) places.set(rule, place);
    }
  }
  // Where rules are too many to be told apart, only what stands at the top is known to let anything pass.
  if (places.size === 0)
    for (const { table, chain, number, rule, ports: own } of leading)
      if (bothPorts(own, ports).length > 0) places.set(rule, { table, chain, number });
  const [found] = [...places].filter(([, { table }]) => table === 'nat' || table === 'mangle');
  if (found) return lets(found[0], found[1], rules.family);
  if (refused) return { kind: 'unneeded', because: 'the rules let nothing in on it' };
  if (caught.length > 0 && holdsPorts(proxyPorts, ports))
    return { kind: 'unneeded', because: 'the proxy itself listens there' };
  if (caught.length === 0 && doubt !== undefined)
    return { kind: 'unneeded', because: `no rule of iptables intercepts inbound tcp, but ${doubt}` };
  if (caught.length === 0) return { kind: 'unneeded', because: 'no inbound tcp is intercepted' };
  const listed = caught.length > 8 ? 'other ports' : portList(caught);
  return { kind: 'unneeded', because: `only ${listed} ${caught.length === 1 ? 'is' : 'are'} intercepted` };
}

function lets(rule: Rule, { table, chain, number }: Place, family: Family): Pick<Unchanged, 'kind' | 'because'> {
  const where = `${table} ${chain} ${number}`;
  if (isBypass(rule)) return { kind: 'already', because: `${where} is a bypass of Sidestep's${untilWords(rule)}` };
  const spec = printRule(rule, family);
  return isBuiltIn(table, chain)
    ? { kind: 'already', because: `${where} lets it pass: ${spec}` }
    : { kind: 'unneeded', because: `the mesh leaves it out: ${where} is ${spec}` };
}
