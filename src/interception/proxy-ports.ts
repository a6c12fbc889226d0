import {
  chainOf,
  type Effect,
  effectOf,
  type Rule,
  type RuleSet,
  type Snapshot,
  spanOf,
  type TableName,
} from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import { intersection } from './box.ts';
import { portsOf } from './bypasses.ts';
import { commentsOf } from './comments.ts';
import { nativeSets, withNativeSets } from './native-sets.ts';
import { chainOfTarget } from './own.ts';
import { PRODUCTS, type Product } from './products.ts';
import { loopbackOf } from './world.ts';

/** Whether an effect turns a connection to a socket of this host, as an interception does. */
export function turnsToProxy(effect: Effect, family: RuleSet['family']): boolean {
  if (effect.kind === 'tproxy') return true;
  if (effect.kind !== 'nat' || effect.change === 'source') return false;
  if (effect.address === 'here') return true;
  return (
    typeof effect.address === 'object' &&
    intersection([spanOf(effect.address, family)], [loopbackOf(family)]).length > 0
  );
}

/**
 * Whether a rule turns connections to a socket of this host, or leads to one that does.
 *
 * @param ports to one of these, where they are named
 */
export function leadsToProxy(rule: Rule, rules: RuleSet, table: TableName, ports?: readonly number[]): boolean {
  const been = new Set<string>();
  const turns = (one: Rule): boolean => {
    const chain = chainOfTarget(one);
    if (chain === undefined) {
      const effect = effectOf(one.target, rules.family);
      const to = turnedTo(effect);
      return turnsToProxy(effect, rules.family) && (!ports || to === undefined || ports.includes(to));
    }
    if (been.has(chain)) return false;
    been.add(chain);
    return (chainOf(rules, table, chain)?.rules ?? []).some(turns);
  };
  return turns(rule);
}

/** Whether any rule turns connections to a socket of this host. Most rule sets of the world do not. */
export const turnsAnything = (rules: RuleSet): boolean =>
  rules.tables.some(({ chains }) =>
    chains.some((chain) =>
      chain.rules.some(({ target }) => turnsToProxy(effectOf(target, rules.family), rules.family)),
    ),
  );

/** Whether anything turns connections to a socket of this host: rules of iptables', or of Istio's native form. */
export const isIntercepted = (snapshot: Snapshot): boolean =>
  withNativeSets(snapshot).held.some(({ rules }) => turnsAnything(rules));

/** Whether any rule hands connections on by TPROXY. */
export const handsToProxy = (rules: RuleSet): boolean =>
  rules.tables.some(({ chains }) =>
    chains.some((chain) => chain.rules.some(({ target }) => effectOf(target, rules.family).kind === 'tproxy')),
  );

/** The port to which an effect turns connections; undefined where each keeps its own. */
function turnedTo(effect: Effect): number | undefined {
  if (effect.kind === 'tproxy') return effect.port;
  return effect.kind === 'nat' ? effect.ports?.[0] : undefined;
}

/** The ports to which the rules of a kind turn connections, in order. */
export function turnedPorts(
  rules: RuleSet,
  isMeant: (chain: string, rule: Rule) => boolean = () => true,
): readonly number[] {
  const ports = new Set<number>();
  for (const { chains } of rules.tables) {
    for (const { name, rules: own } of chains) {
      for (const rule of own) {
        if (!isMeant(name, rule)) continue;
        const effect = effectOf(rule.target, rules.family);
        if (!turnsToProxy(effect, rules.family)) continue;
        ports.add(turnedTo(effect) ?? 0);
      }
    }
  }
  ports.delete(0);
  return [...ports].sort((a, b) => a - b);
}

/**
 * The port at which the proxy of today's Istio listens for the tunnel: what turns the proxy's own calls back spares it, and it is what
 * is left alone first of what comes in. Where the two differ, somebody has put a rule before that.
 */
export const tunnelPortOf = (rules: RuleSet): number | undefined => sparedPort(rules) ?? firstLeftAlone(rules);

function sparedPort(rules: RuleSet): number | undefined {
  for (const rule of chainOf(rules, 'nat', 'ISTIO_OUTPUT')?.rules ?? []) {
    if (chainOfTarget(rule) !== 'ISTIO_IN_REDIRECT') continue;
    const [, port] = SPARED.exec(printRule(rule, rules.family)) ?? [];
    if (port !== undefined) return Number(port);
  }
  return undefined;
}

/** Where DNS is caught, that goes to the proxy's agent. */
const SPARED = /! --dports? (?:53,)?(\d+) /;

function firstLeftAlone(rules: RuleSet): number | undefined {
  const [first] = chainOf(rules, 'nat', 'ISTIO_INBOUND')?.rules ?? [];
  const [range] = first && effectOf(first.target, rules.family).kind === 'return' ? portsOf(first, rules.family) : [];
  return range && range[0] === range[1] ? range[0] : undefined;
}

/**
 * Every port on which a proxy listens, as far as the rules tell: what `trace` takes for "the proxy". Where a known product
 * has chains here, its own redirects count; otherwise all.
 */
export function proxyPortsOf(snapshot: Snapshot): readonly number[] {
  const ports = [...snapshot.held, ...nativeSets(snapshot)].flatMap(({ rules }) => proxyPortsIn(rules));
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** The same for one rule set. */
export function proxyPortsIn(rules: RuleSet): readonly number[] {
  const product = productOf(rules);
  if (!product) return turnedPorts(rules);
  const { chains, comment } = product;
  const tunnel = chains.test('ISTIO_') && isToday(rules) ? tunnelPortOf(rules) : undefined;
  const own = turnedPorts(
    rules,
    (chain, rule) =>
      chains.test(chain) || (comment !== undefined && commentsOf(rule).some((text) => comment.test(text))),
  );
  return [...own, ...(tunnel === undefined ? [] : [tunnel])];
}

/** In 2018 the first port of ISTIO_INBOUND was ssh's; the tunnel came with a rule for every protocol in OUTPUT. */
const isToday = (rules: RuleSet): boolean =>
  (chainOf(rules, 'nat', 'OUTPUT')?.rules ?? []).some(
    ({ target, header }) => target?.kind === 'jump' && target.chain === 'ISTIO_OUTPUT' && header.protocol === undefined,
  );

function productOf(rules: RuleSet): Pick<Product, 'chains' | 'comment'> | undefined {
  const names = rules.tables.flatMap(({ chains }) => chains.map(({ name }) => name));
  if (names.some((name) => name.startsWith('ISTIO_'))) return { chains: /^ISTIO_/ };
  return PRODUCTS.find(({ chains, proof = chains }) => names.some((name) => proof.test(name)));
}
