import type { Interception } from './interception.ts';
import { append, type Line } from './line.ts';
import { ofFamily, type Side } from './side.ts';

/** Whether questions to name servers are caught: without a server to look for, and not all, there is nothing to catch. */
export const isDnsCaptured = ({ capture, all, servers }: Interception['dns']): boolean =>
  capture && (all || servers.length > 0);

/**
 * DNS: port 53 goes to the agent (15053). In raw, questions of the app and questions of the proxy go to two conntrack
 * zones, for they may share addresses and ports: zone 2 between app and agent, zone 1 between agent and name server.
 * `chain` is where the jump from ISTIO_OUTPUT's rules stands.
 */
export function dnsRules({ dns, proxy }: Interception, side: Side, chain: string): readonly Line[] {
  const servers = dns.all ? [] : ofFamily(dns.servers, side.family);
  const here = dns.all || servers.length > 0;
  const to = dns.all ? [''] : servers.map((server) => ` -d ${server}/${side.hostLength}`);
  const from = dns.all ? [''] : servers.map((server) => ` -s ${server}/${side.hostLength}`);
  return [
    append('raw', 'OUTPUT', '-j ISTIO_OUTPUT_DNS', 'DNS questions get a conntrack zone'),
    ...(here ? [append('nat', chain, '-j ISTIO_OUTPUT_DNS', 'DNS questions are looked at')] : []),
    ...['tcp', 'udp'].flatMap((protocol) =>
      to.map((match) =>
        append(
          'nat',
          'ISTIO_OUTPUT_DNS',
          `-p ${protocol} --dport 53${match} -j REDIRECT --to-ports ${dns.port}`,
          `a DNS question over ${protocol} goes to the agent`,
        ),
      ),
    ),
    ...[
      ...proxy.uids.map((uid) => `-m owner --uid-owner ${uid}`),
      ...proxy.gids.map((gid) => `-m owner --gid-owner ${gid}`),
      ...proxy.marks.map((mark) => `-m mark --mark ${mark}`),
    ].flatMap((owner) => [
      zone('ISTIO_OUTPUT_DNS', `-p udp --dport 53 ${owner}`, 1, 'the agent asks a name server'),
      zone('ISTIO_OUTPUT_DNS', `-p udp --sport ${dns.port} ${owner}`, 2, 'the agent answers an app'),
    ]),
    ...(here ? [append('raw', 'PREROUTING', '-j ISTIO_INBOUND', 'answers of name servers get their zone')] : []),
    ...to.flatMap((match, at) => [
      zone('ISTIO_OUTPUT_DNS', `-p udp --dport 53${match}`, 2, 'an app asks'),
      zone('ISTIO_INBOUND', `-p udp --sport 53${from[at]}`, 1, 'a name server answers the agent'),
    ]),
  ];
}

const zone = (chain: string, match: string, number: 1 | 2, reason: string): Line =>
  append('raw', chain, `${match} -j CT --zone ${number}`, reason);
