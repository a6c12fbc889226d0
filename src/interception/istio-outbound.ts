import { parseAddress } from '../address/index.ts';
import type { Interception } from './interception.ts';
import { dnsRules, isDnsCaptured } from './istio-dns.ts';
import { OWN_CALL_MARK } from './istio-transparent.ts';
import { append, insert, type Line } from './line.ts';
import { ofFamily, type Side } from './side.ts';

/** How many `-m owner ! --gid-owner N` iptables-restore takes in one rule: its parser holds 255 words. */
export const MOST_GROUPS_IN_A_RULE = 49;

/** Outbound: nat OUTPUT jumps to ISTIO_OUTPUT, which returns what must not be caught and redirects the rest. */
export function outboundRules(i: Interception, side: Side): readonly Line[] {
  const groups = ownerGroups(i);
  return [
    append('nat', 'OUTPUT', '-j ISTIO_OUTPUT', 'what leaves the pod is looked at in one chain'),
    ...i.outbound.excludePorts.flatMap((port) =>
      ['tcp', 'udp'].map((protocol) =>
        output(`-p ${protocol} --dport ${port} -j RETURN`, `outbound ${protocol} port ${port} is excluded`),
      ),
    ),
    output(`-o lo -s ${side.passthrough} -j RETURN`, 'the proxy hands an inbound connection to the app'),
    ...proxyByMark(i, side),
    ...i.proxy.uids.flatMap((uid) => proxyByOwner(i, side, 'uid', uid)),
    ...i.proxy.gids.flatMap((gid) => proxyByOwner(i, side, 'gid', gid)),
    ...groups.rules,
    ...(isDnsCaptured(i.dns) ? dnsRules(i, side, groups.rest) : []),
    ...destinations(i, side, groups.rest),
  ];
}

const output = (words: string, reason: string, chain = 'ISTIO_OUTPUT'): Line => append('nat', chain, words, reason);

/** The proxy by its uid or gid: caught where it calls its own pod, left alone where it calls anybody else. */
function proxyByOwner(i: Interception, side: Side, kind: 'uid' | 'gid', id: string): readonly Line[] {
  // Istio leaves port 53 out here by uid only.
  const port = isDnsCaptured(i.dns) && kind === 'uid' ? manyPorts(i) : onePort(i);
  const owner = (not = '') => `-m owner ${not}--${kind}-owner ${id}`;
  return [
    output(`-o lo ! -d ${side.loopback} -p tcp ${port} ${owner()} -j ISTIO_IN_REDIRECT`, ownService),
    ...(isLoopbackIncluded(i) ? [] : [output(`-o lo${exceptDns(i)} ${owner('! ')} -j RETURN`, ownEndpoint)]),
    output(`${owner()} -j RETURN`, `${kind} ${id} is the proxy: not caught again`),
  ];
}

/**
 * Sidestep's own addition: the proxy by the mark on its packets, where the uid form would stand, for a user namespace in
 * which no second uid exists. Before the uids: their second rule returns everything on lo that is not theirs. So the
 * same rule for marks stands here only where there is neither uid nor gid.
 */
function proxyByMark(i: Interception, side: Side): readonly Line[] {
  // With TPROXY, mangle has by now given the proxy's calls to its own pod another mark.
  const marks = [...i.proxy.marks, ...(i.mode === 'TPROXY' && i.proxy.marks.length > 0 ? [OWN_CALL_MARK] : [])];
  const alone = i.proxy.uids.length + i.proxy.gids.length === 0 && !isLoopbackIncluded(i);
  const port = isDnsCaptured(i.dns) ? manyPorts(i) : onePort(i);
  const none = marks.map((mark) => `-m mark ! --mark ${mark}`).join(' ');
  return [
    ...marks.map((mark) =>
      output(`-o lo ! -d ${side.loopback} -p tcp ${port} -m mark --mark ${mark} -j ISTIO_IN_REDIRECT`, ownService),
    ),
    ...(alone && marks.length > 0 ? [output(`-o lo${exceptDns(i)} ${none} -j RETURN`, ownEndpoint)] : []),
    ...marks.map((mark) => output(`-m mark --mark ${mark} -j RETURN`, `mark ${mark} is the proxy's: not caught again`)),
  ];
}

const ownService = 'a call of the pod to its own service comes in through the proxy';
const ownEndpoint = 'an app that calls its own address is left alone';
const onePort = ({ tunnelPort }: Interception): string => `! --dport ${tunnelPort}`;
const manyPorts = ({ tunnelPort }: Interception): string => `-m multiport ! --dports 53,${tunnelPort}`;
/** A name server on the loopback interface is to be caught too. */
const exceptDns = ({ dns }: Interception): string => (isDnsCaptured(dns) ? ' -p tcp ! --dport 53' : '');

/** Whether the loopback network itself, of either family, is to be caught. Judged by the address as it was typed. */
function isLoopbackIncluded({ outbound: { include } }: Interception): boolean {
  if (include === '*') return false;
  return include.some((cidr) => {
    const address = parseAddress(cidr.replace(/\/.*/, ''));
    if (!address) return false;
    return typeof address.value === 'number' ? address.value >>> 24 === 127 : address.value === 1n;
  });
}

/** Which groups' traffic is caught, and the chain in which the rules go on for what is. */
function ownerGroups({ outbound: { ownerGroups: groups } }: Interception): {
  readonly rules: readonly Line[];
  readonly rest: string;
} {
  if (groups.include === '*') {
    const rules = groups.exclude.map((gid) =>
      output(`-m owner --gid-owner ${gid} -j RETURN`, `group ${gid} is excluded`),
    );
    return { rules, rest: 'ISTIO_OUTPUT' };
  }
  // An empty list would be a rule without conditions, and would let everything pass by.
  if (groups.include.length === 0) return { rules: [], rest: 'ISTIO_OUTPUT' };
  if (groups.include.length <= MOST_GROUPS_IN_A_RULE) {
    const none = groups.include.map((gid) => `-m owner ! --gid-owner ${gid}`).join(' ');
    return { rules: [output(`${none} -j RETURN`, 'only listed groups are caught')], rest: 'ISTIO_OUTPUT' };
  }
  // Too many for one rule. `-g`: what the rest returns goes back to OUTPUT, as if it stood in ISTIO_OUTPUT itself.
  const rules = groups.include.map((gid) =>
    output(`-m owner --gid-owner ${gid} -g ISTIO_OUTPUT_GROUPS`, `group ${gid} is caught; groups not listed are not`),
  );
  return { rules, rest: 'ISTIO_OUTPUT_GROUPS' };
}

/** Where a connection may go: excluded destinations first, then what is redirected. */
function destinations(i: Interception, side: Side, chain: string): readonly Line[] {
  const { include, exclude, includePorts } = i.outbound;
  const rule = (words: string, reason: string): Line => output(words, reason, chain);
  return [
    rule(`-d ${side.loopback} -j RETURN`, 'what is meant for this host itself stays'),
    ...ofFamily(exclude, side.family).map((cidr) => rule(`-d ${cidr} -j RETURN`, `outbound to ${cidr} is excluded`)),
    ...includePorts.map((port) =>
      rule(`-p tcp --dport ${port} -j ISTIO_REDIRECT`, `outbound port ${port} goes to the proxy`),
    ),
    ...(include === '*'
      ? [rule('-j ISTIO_REDIRECT', 'all other outbound tcp goes to the proxy'), ...fromVirtual(i)]
      : ofFamily(include, side.family).flatMap((cidr) => [
          ...fromVirtual(i, cidr),
          rule(`-d ${cidr} -j ISTIO_REDIRECT`, `outbound to ${cidr} goes to the proxy`),
        ])),
  ];
}

/** What a virtual machine behind an interface sends is outbound, though it arrives. Inserted, so held in reverse. */
const fromVirtual = ({ interfaces: { virtual } }: Interception, cidr?: string): readonly Line[] =>
  virtual.map((name) =>
    insert(
      'nat',
      'PREROUTING',
      1,
      `-i ${name}${cidr ? ` -d ${cidr}` : ''} -j ISTIO_REDIRECT`,
      `what ${name} sends${cidr ? ` to ${cidr}` : ''} is outbound and goes to the proxy`,
    ),
  );
