import { effectOf, type Rule, type RuleSet, type Snapshot } from '../netfilter/index.ts';
import { commentsOf } from './comments.ts';
import type { Interception, Recognition } from './interception.ts';
import { NATIVE_TITLE, nativeFamilies, nativeSets } from './native-sets.ts';
import { chainOfTarget } from './own.ts';
import { PRODUCTS, type Product } from './products.ts';
import { turnsAnything } from './proxy-ports.ts';
import { readBack, recogniseIstio, recogniseIstio2018 } from './recognise-istio.ts';
import { recognitionOf } from './recognition.ts';
import { ofFamily } from './side.ts';

/**
 * What a rule set intercepts and who wrote it: one of the known products, or by hand. Undefined when it turns nothing to
 * another socket and holds no product's chains.
 *
 * @param now the clock in seconds since 1970, for rules that end; undefined: any time
 */
export function recognise(rules: RuleSet, now?: number): Recognition | undefined {
  const istio = recogniseIstio(rules, now) ?? recogniseIstio2018(rules, now);
  if (istio) return istio;
  const product = PRODUCTS.find((one) => isOf(rules, one));
  if (product) {
    const { name: dialect, title } = product;
    return recognitionOf(rules, { dialect, title, isOwn: (rule) => isOwnRule(rule, product) }, now);
  }
  if (!turnsAnything(rules)) return undefined;
  const byHand = recognitionOf(rules, { dialect: 'hand-made', title: 'rules made by hand', isOwn: () => true }, now);
  return byHand.caught.length === 0 && byHand.doubts.length === 0 ? undefined : byHand;
}

/** The recognitions of all rule sets of a snapshot, in its order. */
export const recogniseAll = (snapshot: Snapshot, now?: number): readonly Recognition[] => [
  ...snapshot.held.flatMap(({ rules }) => recognise(rules, now) ?? []),
  ...nativeSets(snapshot).flatMap(({ rules }): readonly Recognition[] => {
    const found = recognise(rules, now);
    return found ? [{ ...found, dialect: 'istio-nft', title: NATIVE_TITLE }] : [];
  }),
];

/**
 * The interception that one family's rules were written from. Writing it again gives the same rules, if nobody has
 * changed them: what differs is what was changed. Undefined where no dialect of Sidestep's wrote them.
 *
 * @param together all rule sets of the same network namespace
 */
export const interceptionOf = (rules: RuleSet, together?: readonly RuleSet[]): Interception | undefined =>
  readBack(rules, together);

/**
 * The one interception that all rules of a snapshot were most plausibly written from, both families together. Where the
 * families disagree IPv4 counts, and IPv6 will be found to differ from it.
 */
export function inferInterception(snapshot: Snapshot): Interception | undefined {
  return inferFrom(snapshot) ?? inferNative(snapshot);
}

/** Istio's native tables, as what the same rules of iptables would have been written from. */
function inferNative(snapshot: Snapshot): Interception | undefined {
  const found = inferFrom({ ...snapshot, held: nativeSets(snapshot) });
  return found && { ...found, dialect: 'istio-nft', families: nativeFamilies(snapshot) };
}

function inferFrom(snapshot: Snapshot): Interception | undefined {
  const together = snapshot.held.map(({ rules }) => rules);
  const read = (family: 'ipv4' | 'ipv6'): Interception | undefined => {
    for (const { rules } of snapshot.held) {
      const found = rules.family === family ? interceptionOf(rules, together) : undefined;
      if (found) return found;
    }
    return undefined;
  };
  const [ipv4, ipv6] = [read('ipv4'), read('ipv6')];
  const first = ipv4 ?? ipv6;
  if (!first) return undefined;
  const table = snapshot.routingRules?.find(({ mark }) => mark?.value === first.tproxy.mark)?.table;
  const found: Interception = {
    ...(ipv4 && ipv6 ? bothFamilies(ipv4, ipv6) : first),
    ...(table === undefined ? {} : { tproxy: { ...first.tproxy, table } }),
  };
  return found.dialect === 'istio-2018' && !blocksIpv6(together) ? { ...found, families: ['ipv4', 'ipv6'] } : found;
}

/** Each family shows its own addresses only: the lists of both together are what was asked for. */
function bothFamilies(ipv4: Interception, ipv6: Interception): Interception {
  const { include: to4 } = ipv4.outbound;
  const { include: to6 } = ipv6.outbound;
  const include =
    to4 === '*' && to6 === '*'
      ? '*'
      : [...ofFamily(to4 === '*' ? ['0.0.0.0/0'] : to4, 'ipv4'), ...ofFamily(to6 === '*' ? ['::/0'] : to6, 'ipv6')];
  return {
    ...ipv4,
    families: ['ipv4', 'ipv6'],
    outbound: { ...ipv4.outbound, include, exclude: [...ipv4.outbound.exclude, ...ipv6.outbound.exclude] },
    dns: {
      ...ipv4.dns,
      capture: ipv4.dns.capture || ipv6.dns.capture,
      servers: [...ofFamily(ipv4.dns.servers, 'ipv4'), ...ofFamily(ipv6.dns.servers, 'ipv6')],
    },
  };
}

/** The form of 2018 shut IPv6 out, unless that was wanted. What was not read counts as shut out, its default. */
function blocksIpv6(together: readonly RuleSet[]): boolean {
  const ipv6 = together.filter(({ family }) => family === 'ipv6');
  if (ipv6.length === 0) return true;
  return ipv6.some(({ tables }) =>
    tables.some(
      ({ name, chains }) =>
        name === 'filter' &&
        chains.some(
          (chain) =>
            chain.name === 'INPUT' && chain.rules.some(({ target }) => effectOf(target, 'ipv6').kind === 'reject'),
        ),
    ),
  );
}

const isOf = (rules: RuleSet, { chains, proof = chains }: Product): boolean =>
  rules.tables.some((table) => table.chains.some(({ name }) => proof.test(name)));

const isOwnRule = (rule: Rule, { chains, comment }: Product): boolean =>
  chains.test(chainOfTarget(rule) ?? '') ||
  (comment !== undefined && commentsOf(rule).some((text) => comment.test(text)));
