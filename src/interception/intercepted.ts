import type { RuleSet, TableName } from '../netfilter/index.ts';
import { TCP } from '../netfilter/index.ts';
import { narrowed, valuesOf } from './box.ts';
import { isToProxy } from './chain.ts';
import { type Fate, fatesOf } from './fate.ts';
import { ownership } from './own.ts';
import { joinedPorts, type Ports } from './port-sets.ts';
import { proxyPortsIn } from './proxy-ports.ts';
import type { World } from './world.ts';

/** The tables in which tcp connections of a kind are turned to the proxy, and on which ports. */
export function interceptedPorts(rules: RuleSet, world: World, now: number): ReadonlyMap<TableName, Ports> {
  const virtual = virtualInterfaces(rules);
  const proxyPorts = proxyPortsIn(rules);
  const found = new Map<TableName, Ports>();
  for (const fate of fatesOf([rules], world, now) ?? []) {
    const { turned } = fate;
    if (!turned || !isToProxy(turned, rules.family)) continue;
    // A port that somebody forwards to another program of this host is none of the mesh's.
    if (turned.port && proxyPorts.length > 0 && !proxyPorts.includes(turned.port)) continue;
    // What comes in by a virtual interface is what a machine behind it sends: outbound.
    if (virtual.includes(fate.sent.names.in?.within ?? '')) continue;
    const { table } = turned.by;
    found.set(table, joinedPorts(found.get(table) ?? [], tcpPortsOf(fate, rules)));
  }
  return found;
}

/** The ports to which a batch's tcp packets were sent; none where it holds no tcp. */
export function tcpPortsOf(fate: Fate, { family }: RuleSet): Ports {
  const tcp = narrowed(fate.sent, 'protocol', [[TCP, TCP]], family);
  return tcp ? (valuesOf(tcp, 'destinationPort', family) as Ports) : [];
}

/** The interfaces behind which other machines' traffic counts as outbound: Istio's rules for them lead PREROUTING. */
export const virtualInterfaces = (rules: RuleSet): readonly string[] =>
  leadingVirtualRules(rules).flatMap(({ header }) => header.in?.value ?? []);

/** The rules of virtual interfaces at the top of nat PREROUTING. A bypass goes behind them. */
export function leadingVirtualRules(rules: RuleSet) {
  const chain = rules.tables.find(({ name }) => name === 'nat')?.chains.find(({ name }) => name === 'PREROUTING');
  const own = ownership(rules);
  const all = chain?.rules ?? [];
  const end = all.findIndex((rule) => own.get(rule) !== 'inserted');
  return all.slice(0, end < 0 ? all.length : end);
}
