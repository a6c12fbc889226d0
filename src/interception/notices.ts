import { type PortRange, parsePortRange } from '../address/index.ts';
import type { Interception, Notice } from './interception.ts';
import { isDnsCaptured } from './istio-dns.ts';
import { isInbound } from './istio-inbound.ts';
import { familyOfWord } from './side.ts';

/** Something to say, if it applies. */
export type Said = Notice | false;

export const note = (applies: boolean, about: string, message: string): Said => applies && { about, message };

export const isSaid = (said: Said): said is Notice => said !== false;

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
    ),
    excludesVoided(i),
    note(
      Array.isArray(include) && include.some((word) => holdsPort(word, i.tunnelPort)),
      'inbound.include',
      `port ${i.tunnelPort} is the tunnel port: it is never redirected, though it is included`,
    ),
  ];
}

/** The commonest surprise of all. */
export function excludesVoided({ inbound: { include, exclude } }: Interception): Said {
  const ports = exclude.join(', ');
  if (exclude.length === 0 || include === '*') return false;
  return {
    about: 'inbound.exclude',
    message:
      include.length === 0
        ? `nothing inbound is included, so excluding ${ports} has no effect`
        : `excluding ${ports} has no effect beside a list of included ports: only with '*' are ports excluded`,
  };
}

function transparent(i: Interception): readonly Said[] {
  const { mark, table } = i.tproxy;
  return [
    note(
      i.mode !== 'TPROXY' && (mark !== 1337 || table !== 133),
      'tproxy',
      `the mark and the routing table of TPROXY have no effect in mode ${i.mode}`,
    ),
    note(
      i.mode === 'TPROXY' && !isInbound(i),
      'mode',
      'TPROXY without included inbound ports catches nothing inbound; its rules in mangle are written all the same',
    ),
  ];
}

const isOutbound = ({ outbound: { include, includePorts } }: Interception): boolean =>
  include.length > 0 || includePorts.length > 0;

function outbound(i: Interception): readonly Said[] {
  const { include, exclude, includePorts, excludePorts } = i.outbound;
  const both = includePorts.filter((port) => excludePorts.includes(port));
  return [
    note(
      !isOutbound(i) && exclude.length + excludePorts.length > 0,
      'outbound.exclude',
      'nothing outbound is included, so what is excluded outbound has no effect',
    ),
    note(
      include === '*' && includePorts.length > 0,
      'outbound.includePorts',
      'all destinations are included already: the included outbound ports change nothing',
    ),
    note(
      both.length > 0,
      'outbound.includePorts',
      `outbound port ${both.join(', ')} is both included and excluded: it is excluded`,
    ),
    note(
      !isOutbound(i) && i.interfaces.virtual.length > 0,
      'interfaces.virtual',
      'nothing outbound is included, so what comes from a virtual interface is not caught at all',
    ),
    note(
      i.interfaces.virtual.some((name) => i.interfaces.exclude.includes(name)),
      'interfaces.virtual',
      'an interface is both virtual and excluded: what comes from it is treated as outbound',
    ),
  ];
}

function owners(i: Interception): readonly Said[] {
  const { include, exclude } = i.outbound.ownerGroups;
  const { uids, gids, marks } = i.proxy;
  return [
    note(
      include !== '*' && exclude.length > 0,
      'outbound.ownerGroups.exclude',
      `excluding the groups ${exclude.join(', ')} has no effect beside a list of included groups`,
    ),
    note(
      include !== '*' && include.length === 0,
      'outbound.ownerGroups.include',
      'the list of included groups is empty: all groups are caught',
    ),
    note(
      uids.length > 1,
      'proxy.uids',
      `with several uids only uid ${uids[0]} comes in through the proxy where it calls its own pod`,
    ),
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
}

function dns({ dns: { capture, all, servers }, families }: Interception): readonly Said[] {
  return [
    note(!capture && all, 'dns.all', 'DNS is not captured, so capturing all of it has no effect'),
    note(
      capture && !isDnsCaptured({ capture, all, servers, port: 0 }),
      'dns.capture',
      'no name server is known (an empty resolv.conf), so no DNS is captured; capturing all DNS needs none',
    ),
    ...families.map((family) =>
      note(
        capture && !all && servers.length > 0 && servers.every((server) => familyOfWord(server) !== family),
        'dns.capture',
        `no name server has an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address: DNS is not captured in that family`,
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

function holdsPort(word: string, port: number): boolean {
  const range: PortRange | undefined = parsePortRange(word);
  return range !== undefined && range[0] <= port && port <= range[1];
}
