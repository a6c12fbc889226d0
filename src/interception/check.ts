import { contains, parsePrefix } from '../address/index.ts';
import type { Include, Interception } from './interception.ts';
import { OWN_CALL_MARK } from './istio-transparent.ts';
import type { Problem } from './refused.ts';
import { ADDRESSES, INTERFACES, type Kind, OWNERS, PORT, PORTS, PREFIXES } from './words.ts';

/**
 * What of an interception cannot be written as rules, all in one go. `about` names the part: `inbound.exclude`.
 * Only what iptables would refuse, and what would cut the pod off.
 */
export function problemsOf(i: Interception): readonly Problem[] {
  const { ownerGroups } = i.outbound;
  return [
    ...each('outboundPort', [String(i.outboundPort)], PORT),
    ...each('inboundPort', [String(i.inboundPort)], PORT),
    ...each('tunnelPort', [String(i.tunnelPort)], PORT),
    ...each('proxy.uids', i.proxy.uids, OWNERS),
    ...each('proxy.gids', i.proxy.gids, OWNERS),
    ...marks(i),
    ...each('inbound.include', listed(i.inbound.include), PORTS),
    ...each('inbound.exclude', i.inbound.exclude, PORTS),
    ...each('outbound.include', listed(i.outbound.include), PREFIXES),
    ...each('outbound.exclude', i.outbound.exclude, PREFIXES),
    ...each('outbound.includePorts', i.outbound.includePorts, PORTS),
    ...each('outbound.excludePorts', i.outbound.excludePorts, PORTS),
    ...each('outbound.ownerGroups.include', listed(ownerGroups.include), OWNERS),
    ...each('outbound.ownerGroups.exclude', ownerGroups.exclude, OWNERS),
    ...each('interfaces.exclude', i.interfaces.exclude, INTERFACES),
    ...each('interfaces.virtual', i.interfaces.virtual, INTERFACES),
    ...each('dns.port', [String(i.dns.port)], PORT),
    ...each('dns.servers', i.dns.servers, ADDRESSES),
    ...each('loopback', [i.loopback], LOOPBACK),
    ...(i.mode === 'TPROXY' ? transparent(i) : []),
  ];
}

const listed = (include: Include<string>): readonly string[] => (include === '*' ? [] : include);

/** The words of a list that are not what they should be. */
export const each = (about: string, words: readonly string[], { expected, accepts, cause }: Kind): readonly Problem[] =>
  words
    .filter((word) => !accepts(word))
    .map((value) => {
      const why = cause?.(value);
      return { about, value, expected, ...(why ? { cause: why } : {}) };
    });

const NETWORK_127 = parsePrefix('127.0.0.0/8')!;

const LOOPBACK: Kind = {
  expected: 'a network inside 127.0.0.0/8',
  accepts(word) {
    const prefix = parsePrefix(word);
    return prefix?.family === 'ipv4' && contains(NETWORK_127, prefix.value) && Number(prefix.mask) >= 0xff00_0000;
  },
};

const isMark = (mark: number): boolean => Number.isInteger(mark) && mark > 0 && mark <= 0xffff_ffff;

const marks = ({ proxy }: Interception): readonly Problem[] =>
  proxy.marks
    .filter((mark) => !isMark(mark))
    .map((mark) => ({
      about: 'proxy.marks',
      value: String(mark),
      expected: 'a mark from 1 to 4294967295',
      ...(mark === 0 ? { cause: 'Every packet without a mark has mark 0.' } : {}),
    }));

function transparent({ proxy, tproxy: { mark, table } }: Interception): readonly Problem[] {
  const problems: Problem[] = [];
  if (!isMark(mark) || mark === OWN_CALL_MARK) {
    problems.push({
      about: 'tproxy.mark',
      value: String(mark),
      expected: `a mark from 1 to 4294967295 other than ${OWN_CALL_MARK}`,
      cause:
        mark === 0
          ? 'Every packet without a mark has mark 0: all traffic would be routed to this host.'
          : `${OWN_CALL_MARK} marks the proxy's calls to its own pod.`,
    });
  }
  // 253 to 255 are default, main and local. Source: /etc/iproute2/rt_tables.
  if (!Number.isInteger(table) || table < 1 || table > 0xffff_ffff || (table >= 253 && table <= 255)) {
    problems.push({
      about: 'tproxy.table',
      value: String(table),
      expected: 'a routing table from 1 to 4294967295 other than 253, 254 and 255',
      cause: "The tables 253 to 255 are the system's own: a local default route there cuts it off.",
    });
  }
  for (const own of proxy.marks.filter((own) => own === mark)) {
    problems.push({
      about: 'proxy.marks',
      value: String(own),
      expected: `a mark other than ${mark}`,
      cause: 'With TPROXY this mark means a packet that is to be routed to this host.',
    });
  }
  return problems;
}
