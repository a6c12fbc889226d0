import { defaultInterception } from './defaults.ts';
import type { Interception, Notice } from './interception.ts';
import { isInbound } from './istio-inbound.ts';
import { DNS_QUERY, excludesVoided, families, identity, inboundTo, transparent } from './notices.ts';
import { cameBy, excludedForNothing, firstPort, networks } from './notices-outbound.ts';
import { isSaid, note, type Said } from './said.ts';

/** What of an interception has no effect, or not the one that one would think, when the 2018 form writes it. */
export const noticesOf2018 = (i: Interception): readonly Notice[] =>
  [...inbound(i), ...transparent(i), ...outbound(i), ...identity(i), ...ipv6(i), ...unknownThen(i)].filter(isSaid);

const inbound = (i: Interception): readonly Said[] => [
  note(
    i.mode === 'NONE' && i.inbound.include.length > 0,
    'inbound.include',
    'mode NONE catches nothing inbound: the included inbound ports have no effect',
    inboundTo(i.inbound.include),
  ),
  excludesVoided(i),
  note(
    isInbound(i) && i.inbound.include === '*',
    'inbound.include',
    "port 22 is not intercepted: the 2018 form excludes it wherever '*' is included",
    'in tcp/22',
  ),
  note(
    i.mode === 'TPROXY' && i.inboundPort !== i.outboundPort,
    'inboundPort',
    `with TPROXY the 2018 form sends inbound connections to ${i.outboundPort}; port ${i.inboundPort} has no effect`,
    isInbound(i) ? inboundTo(i.inbound.include) : undefined,
  ),
];

/** As today's form, but for what the 2018 form does not know. */
function outbound(i: Interception): readonly Said[] {
  const then = { ...i, loopback: '127.0.0.1/32', outbound: { ...i.outbound, includePorts: [], excludePorts: [] } };
  return [excludedForNothing(then), ...networks(then)];
}

const ipv6 = (i: Interception): readonly Said[] => [
  i.families.includes('ipv6')
    ? note(true, 'families', 'the 2018 form intercepts no IPv6: it passes the proxy by')
    : note(true, 'families', 'IPv6 is not wanted: inbound IPv6 is rejected, except answers, as the 2018 form did'),
  ...families({ ...i, families: ['ipv4'] }),
];

/** What only today's form can do. */
function unknownThen(i: Interception): readonly Said[] {
  const usual = defaultInterception('istio-2018');
  const { outbound, interfaces } = i;
  const [port] = [...outbound.includePorts, ...outbound.excludePorts];
  const asked: readonly (readonly [about: string, what: string, asked: boolean, packet?: string | undefined])[] = [
    ['tunnelPort', 'no tunnel port', i.tunnelPort !== usual.tunnelPort, `in tcp/${i.tunnelPort}`],
    ['outbound.includePorts', 'no lists of outbound ports', port !== undefined, `out tcp/${firstPort(port ?? '')}`],
    [
      'outbound.ownerGroups',
      'no owner groups',
      outbound.ownerGroups.include !== '*' || outbound.ownerGroups.exclude.length > 0,
    ],
    [
      'interfaces',
      'no excluded and no virtual interfaces',
      interfaces.exclude.length + interfaces.virtual.length > 0,
      cameBy([...interfaces.exclude, ...interfaces.virtual]),
    ],
    ['dns', 'no DNS capture', i.dns.capture, DNS_QUERY],
    ['dropInvalid', 'no dropping of invalid packets', i.dropInvalid],
    ['loopback', 'no other loopback network than 127.0.0.1/32', i.loopback !== usual.loopback],
  ];
  return asked.map(([about, what, is, packet]) =>
    note(is, about, `the 2018 form has ${what}: this has no effect`, packet),
  );
}
