import { chainOf, type RuleSet, type TableName, TCP } from '../netfilter/index.ts';
import { narrowed, valuesOf } from './box.ts';
import { type Bypass, bypassesOf } from './bypasses.ts';
import { isToProxy } from './chain.ts';
import { type Fate, fatesOf } from './fate.ts';
import { ownership } from './own.ts';
import { ALL_PORTS, joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { leadsToProxy, proxyPortsIn } from './proxy-ports.ts';
import type { World } from './world.ts';

/**
 * The tables in which tcp connections of a kind are turned to the proxy, and on which ports. Where the rules of what comes in are too
 * many to be told apart, all ports count as caught that no bypass of Sidestep's at the top lets pass: what a plan then does, its
 * proof tells.
 */
export function interceptedPorts(rules: RuleSet, world: World, now: number): ReadonlyMap<TableName, Ports> {
  const virtual = virtualInterfaces(rules);
  const proxyPorts = proxyPortsIn(rules);
  const found = new Map<TableName, Ports>();
  const fates = turningFates(rules, world, now);
  if (!fates) return world === 'inbound' ? perhapsIntercepted(rules, now) : found;
  for (const fate of fates) {
    const { turned } = fate;
    if (!turned || !isToProxy(turned, rules.family)) continue;
    // A port that somebody forwards to another program of this host is none of the mesh's.
    if (turned.port && proxyPorts.length > 0 && !proxyPorts.includes(turned.port)) continue;
    // What comes in by a virtual interface is what a machine behind it sends: outbound.
    if (virtual.includes(fate.sent.names.in?.within ?? '')) continue;
    const { table } = turned.by;
    // Who asks for the very port that it is turned to gets what was asked for.
    const ports = turned.port
      ? withoutPorts(tcpPortsOf(fate, rules), [[turned.port, turned.port]])
      : tcpPortsOf(fate, rules);
    found.set(table, joinedPorts(found.get(table) ?? [], ports));
  }
  return found;
}

/** What becomes of new connections; where a firewall's rules are too many, as if there were no firewall. It turns nothing. */
export const turningFates = (rules: RuleSet, world: World, now: number): readonly Fate[] | undefined =>
  fatesOf([rules], world, now) ??
  fatesOf([{ ...rules, tables: rules.tables.filter(({ name }) => TURNING.has(name)) }], world, now);

/** raw turns nothing either, but keeps packets from nat. */
const TURNING: ReadonlySet<TableName> = new Set(['raw', 'mangle', 'nat']);

function perhapsIntercepted(rules: RuleSet, now: number): ReadonlyMap<TableName, Ports> {
  const found = new Map<TableName, Ports>();
  for (const table of ['mangle', 'nat'] as const) {
    const own = chainOf(rules, table, 'PREROUTING')?.rules ?? [];
    if (own.some((rule) => leadsToProxy(rule, rules, table)))
      found.set(
        table,
        withoutPorts(ALL_PORTS, joinedPorts(...leadingBypasses(rules, table, now).map(({ ports }) => ports))),
      );
  }
  return found;
}

/** The bypasses of Sidestep's at the top of PREROUTING, which nothing comes before. */
export function leadingBypasses(rules: RuleSet, table: TableName, now: number): readonly Omit<Bypass, 'backend'>[] {
  const all = bypassesOf(rules, now).filter((one) => one.table === table && one.chain === 'PREROUTING');
  const first = 1 + (table === 'nat' ? leadingVirtualRules(rules).length : 0);
  return all.filter(({ number, expired }, index) => number === first + index && !expired);
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
