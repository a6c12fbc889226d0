import { FAMILIES, type Family } from '../address/index.ts';
import { problemsOf } from './check.ts';
import type { Interception, Program, RoutingChange } from './interception.ts';
import { append, commandsOf, type Line } from './line.ts';
import { noticesOf2018 } from './notices-2018.ts';
import { RequestRefused } from './refused.ts';
import { ofFamily } from './side.ts';

const CHAINS = ['ISTIO_REDIRECT', 'ISTIO_IN_REDIRECT', 'ISTIO_DIVERT', 'ISTIO_TPROXY', 'ISTIO_INBOUND', 'ISTIO_OUTPUT'];

/** The 2018 form knows no other: neither the CIDR nor the family can be chosen. */
const LOOPBACK = '127.0.0.1/32';

/**
 * Writes an interception as Istio did in 2018: IPv4 only, every rule appended.
 *
 * `families` without ipv6 means that IPv6 is not wanted: its inbound packets are then rejected, as that generation did.
 * @throws RequestRefused for a value that iptables would not take.
 */
export function writeIstio2018(interception: Interception): Program {
  const problems = problemsOf(interception);
  if (problems.length > 0) throw new RequestRefused(problems);
  const lines: Readonly<Record<Family, readonly Line[]>> = {
    ipv4: interception.families.includes('ipv4') ? linesOf(interception) : [],
    ipv6: interception.families.includes('ipv6') ? [] : noIpv6(),
  };
  const [ipv4 = [], ipv6 = []] = FAMILIES.map((family) => commandsOf(lines[family], family, CHAINS));
  return {
    interception,
    commands: { ipv4, ipv6 },
    routing: routingOf(interception),
    notices: noticesOf2018(interception),
  };
}

const isInbound = ({ mode, inbound: { include } }: Interception): boolean => mode !== 'NONE' && include.length > 0;

/** In the order of emission: the redirect chains first, for the others jump to them. */
const linesOf = (i: Interception): readonly Line[] => [
  append('nat', 'ISTIO_REDIRECT', `-p tcp -j REDIRECT --to-ports ${i.outboundPort}`, 'outbound goes to the proxy'),
  append('nat', 'ISTIO_IN_REDIRECT', `-p tcp -j REDIRECT --to-ports ${i.inboundPort}`, 'inbound goes to the proxy'),
  ...(isInbound(i) ? inbound(i) : []),
  append('nat', 'OUTPUT', '-p tcp -j ISTIO_OUTPUT', 'what leaves the pod is looked at in one chain'),
  ...outbound(i),
];

function inbound(i: Interception): readonly Line[] {
  const tproxy = i.mode === 'TPROXY';
  const table = tproxy ? 'mangle' : 'nat';
  const rule = (words: string, reason: string): Line => append(table, 'ISTIO_INBOUND', words, reason);
  const caught = (match: string, what: string): readonly Line[] =>
    tproxy
      ? [
          rule(`-p tcp${match} -m socket -j ISTIO_DIVERT`, `${what}: an open connection stays with its socket`),
          rule(`-p tcp${match} -j ISTIO_TPROXY`, `${what}: a new connection goes to the proxy`),
        ]
      : [rule(`-p tcp${match} -j ISTIO_IN_REDIRECT`, `${what} goes to the proxy`)];
  const { include, exclude } = i.inbound;
  return [
    ...(tproxy ? transparent(i) : []),
    append(table, 'PREROUTING', '-p tcp -j ISTIO_INBOUND', 'what arrives is looked at in one chain'),
    ...(include === '*'
      ? [
          rule('-p tcp --dport 22 -j RETURN', 'a login over ssh must not depend on the proxy'),
          ...exclude.map((port) => rule(`-p tcp --dport ${port} -j RETURN`, `inbound port ${port} is excluded`)),
          ...caught('', 'all other inbound tcp'),
        ]
      : include.flatMap((port) => caught(` --dport ${port}`, `inbound port ${port}`))),
  ];
}

function transparent({ outboundPort, tproxy: { mark } }: Interception): readonly Line[] {
  return [
    append('mangle', 'ISTIO_DIVERT', `-j MARK --set-mark ${mark}`, 'marked packets are routed to this host'),
    append('mangle', 'ISTIO_DIVERT', '-j ACCEPT', 'nothing else is done with them'),
    append(
      'mangle',
      'ISTIO_TPROXY',
      `! -d ${LOOPBACK} -p tcp -j TPROXY --tproxy-mark ${mark}/0xffffffff --on-port ${outboundPort}`,
      'the proxy takes the connection with its addresses as they are',
    ),
  ];
}

function outbound(i: Interception): readonly Line[] {
  const rule = (words: string, reason: string): Line => append('nat', 'ISTIO_OUTPUT', words, reason);
  const { include, exclude } = i.outbound;
  const { uids, gids, marks } = i.proxy;
  return [
    rule(`-o lo ! -d ${LOOPBACK} -j ISTIO_REDIRECT`, 'a call of the pod to its own service goes through the proxy'),
    ...uids.map((uid) => rule(`-m owner --uid-owner ${uid} -j RETURN`, `uid ${uid} is the proxy: not caught again`)),
    ...gids.map((gid) => rule(`-m owner --gid-owner ${gid} -j RETURN`, `gid ${gid} is the proxy: not caught again`)),
    ...marks.map((mark) => rule(`-m mark --mark ${mark} -j RETURN`, `mark ${mark} is the proxy's: not caught again`)),
    rule(`-d ${LOOPBACK} -j RETURN`, 'what is meant for this host itself stays'),
    ...ofFamily(exclude, 'ipv4').map((cidr) => rule(`-d ${cidr} -j RETURN`, `outbound to ${cidr} is excluded`)),
    ...(include === '*'
      ? [rule('-j ISTIO_REDIRECT', 'all other outbound tcp goes to the proxy')]
      : outboundList(ofFamily(include, 'ipv4'))),
  ];
}

const outboundList = (cidrs: readonly string[]): readonly Line[] =>
  cidrs.length === 0
    ? []
    : [
        ...cidrs.map((cidr) =>
          append('nat', 'ISTIO_OUTPUT', `-d ${cidr} -j ISTIO_REDIRECT`, `outbound to ${cidr} goes to the proxy`),
        ),
        append('nat', 'ISTIO_OUTPUT', '-j RETURN', 'all other destinations are reached directly'),
      ];

/** The 2018 form intercepts no IPv6. Where it is not wanted either, it must not be a way around the proxy. */
const noIpv6 = (): readonly Line[] => [
  append('filter', 'INPUT', '-m state --state ESTABLISHED -j ACCEPT', 'IPv6: answers may come in'),
  append('filter', 'INPUT', '-j REJECT', 'IPv6: nothing else may, for it would pass the proxy by'),
];

const routingOf = (i: Interception): readonly RoutingChange[] =>
  i.mode === 'TPROXY' && isInbound(i) && i.families.includes('ipv4')
    ? [
        { kind: 'rule', family: 'ipv4', mark: i.tproxy.mark, table: i.tproxy.table },
        { kind: 'local-route', family: 'ipv4', table: i.tproxy.table },
      ]
    : [];
