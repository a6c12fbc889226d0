import type { Family } from '../address/index.ts';
import { chainOf, heldFor, isBuiltIn, type Rule, type RuleSet, type Snapshot } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { untilWords } from './bypass-undo.ts';
import { portsOf } from './bypasses.ts';
import { portList } from './caught-words.ts';
import type { Place } from './chain.ts';
import { isBypass } from './comments.ts';
import { interceptedPorts, leadingBypasses, tcpPortsOf, turningFates } from './intercepted.ts';
import { nativeTurns, turnWords } from './native-doubts.ts';
import { ALL_PORTS, bothPorts, holdsPorts, joinedPorts, type Ports } from './port-sets.ts';
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
  for (const range of ports) {
    if (bothPorts(changed, [range]).length > 0) continue;
    const rules = held.find((one) => one.rules.tables.length > 0)?.rules ?? held[0]?.rules;
    if (!rules) continue;
    const caught = joinedPorts(...interceptedPorts(rules, 'inbound', now).values());
    // What is caught all the same is no reason to change nothing: the proof tells of it.
    if (bothPorts(caught, [range]).length > 0) continue;
    const [turn] = nativeTurns(snapshot, family);
    const { kind, because } = reasonOf(rules, [range], caught, now, turn && turnWords(turn));
    const same = found.findIndex((one) => one.kind === kind && one.because === because);
    const other = found[same];
    if (other) found[same] = { ...other, ports: joinedPorts(other.ports, [range]) };
    else found.push({ kind, family, ports: [range], because });
  }
  return found;
}

const TABLES = ['mangle', 'nat'] as const;

function reasonOf(
  rules: RuleSet,
  ports: Ports,
  caught: Ports,
  now: number,
  doubt: string | undefined,
): Pick<Unchanged, 'kind' | 'because'> {
  const places = new Map<Rule, Place>();
  let refused = false;
  for (const fate of turningFates(rules, 'inbound', now) ?? []) {
    if (bothPorts(tcpPortsOf(fate, rules), ports).length === 0) continue;
    refused ||= fate.verdict === 'dropped' || fate.verdict === 'rejected';
    for (const place of fate.trail) {
      const rule = chainOf(rules, place.table, place.chain)?.rules[place.number - 1];
      // Only a rule that was made for ports is a reason for these.
      if (rule && !holdsPorts(portsOf(rule, rules.family), ALL_PORTS)) places.set(rule, place);
    }
  }
  // Where rules are too many to be told apart, only what stands at the top is known to let anything pass.
  if (places.size === 0)
    for (const { table, chain, number, rule, ports: own } of TABLES.flatMap((one) => leadingBypasses(rules, one, now)))
      if (bothPorts(own, ports).length > 0) places.set(rule, { table, chain, number });
  const [found] = [...places].filter(([, { table }]) => table === 'nat' || table === 'mangle');
  if (found) return lets(found[0], found[1], rules.family);
  if (refused) return { kind: 'unneeded', because: 'the rules let nothing in on it' };
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
