import type { Family } from '../address/index.ts';
import { problemsOf } from './check.ts';
import type { Interception, Program, RoutingChange } from './interception.ts';
import { inboundRules, isInbound } from './istio-inbound.ts';
import { outboundRules } from './istio-outbound.ts';
import { transparentReturn } from './istio-transparent.ts';
import { append, commandsOf, insert, type Line } from './line.ts';
import { noticesOf } from './notices.ts';
import { RequestRefused } from './refused.ts';
import { type Side, sideOf } from './side.ts';

/** The chains that the rules jump to. */
export const OWN_CHAINS = [
  'ISTIO_DROP',
  'ISTIO_REDIRECT',
  'ISTIO_IN_REDIRECT',
  'ISTIO_DIVERT',
  'ISTIO_TPROXY',
  'ISTIO_INBOUND',
  'ISTIO_OUTPUT',
  'ISTIO_OUTPUT_DNS',
  'ISTIO_OUTPUT_GROUPS',
];

/**
 * Writes an interception as Istio does today, the same for both families.
 *
 * @throws RequestRefused for a value that iptables would not take.
 */
export function writeIstio(interception: Interception): Program {
  const problems = problemsOf(interception);
  if (problems.length > 0) throw new RequestRefused(problems);
  const commands = (family: Family) =>
    interception.families.includes(family)
      ? commandsOf(istioLines(interception, sideOf(family, interception)), family, OWN_CHAINS)
      : [];
  return {
    interception,
    commands: { ipv4: commands('ipv4'), ipv6: commands('ipv6') },
    routing: istioRouting(interception),
    notices: noticesOf(interception),
  };
}

/** The rules of one family, in the order of emission, which is the order in every chain. */
export const istioLines = (i: Interception, side: Side): readonly Line[] => [
  ...excludedInterfaces(i),
  ...virtualInterfaces(i),
  ...(i.dropInvalid ? dropInvalid() : []),
  ...redirectChains(i),
  ...inboundRules(i, side),
  ...outboundRules(i, side),
  ...(i.mode === 'TPROXY' ? transparentReturn(i, side) : []),
];

function excludedInterfaces({ mode, interfaces: { exclude } }: Interception): readonly Line[] {
  const tables = mode === 'TPROXY' ? (['nat', 'mangle'] as const) : (['nat'] as const);
  return tables.flatMap((table) =>
    exclude.flatMap((name) => [
      append(table, 'PREROUTING', `-i ${name} -j RETURN`, `interface ${name} is excluded`),
      append(table, 'OUTPUT', `-o ${name} -j RETURN`, `interface ${name} is excluded`),
    ]),
  );
}

/** Inserted at the top, each before the one that went in earlier: the kernel holds them in reverse. */
const virtualInterfaces = ({ interfaces: { virtual } }: Interception): readonly Line[] =>
  virtual.map((name) =>
    insert('nat', 'PREROUTING', 1, `-i ${name} -j RETURN`, `what comes from ${name} is not inbound to this pod`),
  );

const dropInvalid = (): readonly Line[] => [
  append(
    'mangle',
    'PREROUTING',
    '-m conntrack --ctstate INVALID -j ISTIO_DROP',
    "a packet outside its connection's window would be answered with a reset",
  ),
  append('mangle', 'ISTIO_DROP', '-j DROP', 'so it is dropped'),
];

const redirectChains = ({ tunnelPort, outboundPort, inboundPort }: Interception): readonly Line[] => [
  append('nat', 'ISTIO_INBOUND', `-p tcp --dport ${tunnelPort} -j RETURN`, "the tunnel port is the proxy's own"),
  append('nat', 'ISTIO_REDIRECT', `-p tcp -j REDIRECT --to-ports ${outboundPort}`, 'outbound goes to the proxy'),
  append('nat', 'ISTIO_IN_REDIRECT', `-p tcp -j REDIRECT --to-ports ${inboundPort}`, 'inbound goes to the proxy'),
];

/** What the rules need outside netfilter. */
export function istioRouting(i: Interception): readonly RoutingChange[] {
  const { mark, table } = i.tproxy;
  const families = i.mode === 'TPROXY' && isInbound(i) ? i.families : [];
  return [
    ...families.map((family) => ({ kind: 'rule', family, mark, table }) as const),
    ...families.map((family) => ({ kind: 'local-route', family, table }) as const),
    // IPv4 has all of 127.0.0.0/8 on lo; the passthrough address of IPv6 has to be put there.
    ...(i.families.includes('ipv6')
      ? [{ kind: 'address', family: 'ipv6', prefix: '::6/128', device: 'lo' } as const]
      : []),
  ];
}
