import type { Interception, Notice } from './interception.ts';
import { isDnsCaptured } from './istio-dns.ts';
import { isInbound } from './istio-inbound.ts';
import { ANY_PORT, firstPort, holdsPort, holdsPorts, isOutbound, outbound } from './notices-outbound.ts';
import { isSaid, note, type Said } from './said.ts';
import { familyOfWord } from './side.ts';

/** What of an interception has no effect, or not the one that one would think, when today's Istio form writes it. */
export const noticesOf = (i: Interception): readonly Notice[] =>
  [...inbound(i), ...transparent(i), ...outbound(i), ...owners(i), ...dns(i), ...families(i)].filter(isSaid);

function inbound(i: Interception): readonly Said[] {
  const { include } = i.inbound;
  return [
    note(
      i.mode === 'NONE' && include.length > 0,
      'inbound.include',
      'mode NONE catches nothing inbound: the included inbound ports have no effect',
      inboundTo(include),
    ),
    excludesVoided(i),
    note(
      // TPROXY looks at inbound ports in mangle, where nothing excludes the tunnel.
      i.mode === 'REDIRECT' && include !== '*' && include.some((word) => holdsPort(word, i.tunnelPort)),
      'inbound.include',
      `port ${i.tunnelPort} is the tunnel port: it is never redirected, though it is included`,
      `in tcp/${i.tunnelPort}`,
    ),
  ];
}

/** A packet to the first of some ports. */
export const inboundTo = (include: Interception['inbound']['include']): string =>
  `in tcp/${include === '*' ? ANY_PORT : firstPort(include[0] ?? '')}`;

/** The commonest surprise of all. */
export function excludesVoided({ inbound: { include, exclude } }: Interception): Said {
  const ports = exclude.join(', ');
  if (exclude.length === 0 || include === '*') return false;
  const shown = exclude.find((word) => include.some((other) => holdsPorts(other, word))) ?? exclude[0];
  return {
    about: 'inbound.exclude',
    message:
      include.length === 0
        ? `nothing inbound is included, so excluding ${ports} has no effect`
        : `excluding ${ports} has no effect beside a list of included ports: only with '*' are ports excluded`,
    ...(shown === undefined ? {} : { packet: inboundTo([shown]) }),
  };
}

/** TPROXY's own options. */
export function transparent(i: Interception): readonly Said[] {
  const { mark, table } = i.tproxy;
  return [
    note(
      i.mode !== 'TPROXY' && (mark !== 1337 || table !== 133),
      'tproxy',
      `the mark and the routing table of TPROXY have no effect in mode ${i.mode}`,
      isInbound(i) ? inboundTo(i.inbound.include) : undefined,
    ),
    note(
      i.mode === 'TPROXY' && !isInbound(i),
      'mode',
      'TPROXY without included inbound ports catches nothing inbound',
      inboundTo('*'),
    ),
  ];
}

function owners(i: Interception): readonly Said[] {
  const { include, exclude } = i.outbound.ownerGroups;
  return [
    note(
      include !== '*' && exclude.length > 0,
      'outbound.ownerGroups.exclude',
      `excluding the groups ${exclude.join(', ')} has no effect beside a list of included groups`,
      outboundOf(exclude),
    ),
    note(
      include !== '*' && include.length === 0,
      'outbound.ownerGroups.include',
      'the list of included groups is empty: all groups are caught',
      outboundOf([]),
    ),
    note(
      !isOutbound(i) && !isDnsCaptured(i.dns) && (include === '*' ? exclude : include).length > 0,
      'outbound.ownerGroups',
      'nothing outbound is included, so owner groups have no effect',
      outboundOf(include === '*' ? exclude : include),
    ),
    note(
      i.proxy.uids.length > 1,
      'proxy.uids',
      `with several uids only uid ${i.proxy.uids[0]} comes in through the proxy where it calls its own pod`,
      `self tcp/8080 uid ${i.proxy.uids[1]}`,
    ),
    ...identity(i),
  ];
}

/** A packet of the first of some groups, where that is a number. */
const outboundOf = (groups: readonly string[]): string => {
  const gid = groups.find((word) => /^\d+$/.test(word));
  return `out tcp/${ANY_PORT}${gid === undefined ? '' : ` gid ${gid}`}`;
};

/** Whether the proxy can be told from the app. */
export const identity = ({ proxy: { uids, gids, marks } }: Interception): readonly Said[] => [
  note(
    uids.length + gids.length + marks.length === 0,
    'proxy',
    "nothing tells the proxy's own traffic from the app's: what it sends is caught again, without end",
  ),
  note(
    [...uids, ...gids].some((id) => id === '0'),
    'proxy',
    'uid or gid 0 counts as the proxy: whatever runs as root passes the proxy by',
  ),
];

/** A question to a name server. */
export const DNS_QUERY = 'out udp/53';

/** A name server of a family: addresses for documentation (RFC 5737, RFC 3849). */
const SERVER = { ipv4: '192.0.2.53', ipv6: '[2001:db8::53]' } as const;

function dns({ dns: { capture, all, servers }, families, outbound: { excludePorts } }: Interception): readonly Said[] {
  return [
    note(!capture && all, 'dns.all', 'DNS is not captured, so capturing all of it has no effect', DNS_QUERY),
    note(
      capture && !isDnsCaptured({ capture, all, servers, port: 0 }),
      'dns.capture',
      'no name server is known (an empty resolv.conf), so no DNS is captured; capturing all DNS needs none',
      DNS_QUERY,
    ),
    note(
      isDnsCaptured({ capture, all, servers, port: 0 }) && excludePorts.some((word) => holdsPort(word, 53)),
      'dns.capture',
      'port 53 is excluded outbound, which comes first: DNS is not captured',
      DNS_QUERY,
    ),
    ...families.map((family) =>
      note(
        capture && !all && servers.length > 0 && servers.every((server) => familyOfWord(server) !== family),
        'dns.capture',
        `no name server has an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address: DNS is not captured in that family`,
        `out udp > ${SERVER[family]}:53`,
      ),
    ),
  ];
}

/** Networks of a family that is not intercepted. */
export function families({ families: wanted, outbound: { include, exclude } }: Interception): readonly Said[] {
  const networks = [...(include === '*' ? [] : include), ...exclude];
  return (['ipv4', 'ipv6'] as const).map((family) => {
    const idle = networks.filter((word) => familyOfWord(word) === family);
    return note(
      !wanted.includes(family) && idle.length > 0,
      'families',
      `${family === 'ipv4' ? 'IPv4' : 'IPv6'} is not intercepted: ${idle.join(', ')} has no effect`,
    );
  });
}
