import type { Interception } from './interception.ts';
import { append, type Line } from './line.ts';
import type { Side } from './side.ts';

/** Whether anything inbound is caught. */
export const isInbound = ({ mode, inbound: { include } }: Interception): boolean =>
  mode !== 'NONE' && include.length > 0;

/** Inbound: which ports go to the proxy, through nat or, with TPROXY, through mangle. */
export function inboundRules(i: Interception, side: Side): readonly Line[] {
  if (!isInbound(i)) return [];
  const tproxy = i.mode === 'TPROXY';
  const table = tproxy ? 'mangle' : 'nat';
  const { include, exclude } = i.inbound;
  const caught = tproxy ? caughtByTproxy : caughtByRedirect;
  return [
    ...(tproxy ? transparent(i, side) : []),
    append(table, 'PREROUTING', '-p tcp -j ISTIO_INBOUND', 'what arrives is looked at in one chain'),
    ...(include === '*'
      ? [
          ...exclude.map((port) =>
            append(table, 'ISTIO_INBOUND', `-p tcp --dport ${port} -j RETURN`, `inbound port ${port} is excluded`),
          ),
          ...caught('', 'all other inbound tcp'),
        ]
      : include.flatMap((port) => caught(` --dport ${port}`, `inbound port ${port}`))),
  ];
}

const caughtByRedirect = (match: string, what: string): readonly Line[] => [
  append('nat', 'ISTIO_INBOUND', `-p tcp${match} -j ISTIO_IN_REDIRECT`, `${what} goes to the proxy`),
];

const caughtByTproxy = (match: string, what: string): readonly Line[] => [
  append(
    'mangle',
    'ISTIO_INBOUND',
    `-p tcp${match} -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT`,
    `${what}: an open connection stays with its socket`,
  ),
  append('mangle', 'ISTIO_INBOUND', `-p tcp${match} -j ISTIO_TPROXY`, `${what}: a new connection goes to the proxy`),
];

function transparent({ inboundPort, tproxy: { mark } }: Interception, { loopback }: Side): readonly Line[] {
  return [
    append('mangle', 'ISTIO_DIVERT', `-j MARK --set-mark ${mark}`, 'marked packets are routed to this host'),
    append('mangle', 'ISTIO_DIVERT', '-j ACCEPT', 'nothing else is done with them'),
    append(
      'mangle',
      'ISTIO_TPROXY',
      `! -d ${loopback} -p tcp -j TPROXY --tproxy-mark ${mark}/0xffffffff --on-port ${inboundPort}`,
      'the proxy takes the connection with its addresses as they are',
    ),
  ];
}
