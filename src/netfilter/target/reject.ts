import { type Codec, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { TCP } from '../protocol.ts';

export interface RejectOptions {
  /** The answer by its full name: `icmp-port-unreachable`, `tcp-reset`. */
  readonly with?: string;
}

/** Full names, each with its short form. Source: libipt_REJECT.c and libip6t_REJECT.c. */
const IPV4: readonly (readonly [string, string])[] = [
  ['icmp-net-unreachable', 'net-unreach'],
  ['icmp-host-unreachable', 'host-unreach'],
  ['icmp-proto-unreachable', 'proto-unreach'],
  ['icmp-port-unreachable', 'port-unreach'],
  ['icmp-net-prohibited', 'net-prohib'],
  ['icmp-host-prohibited', 'host-prohib'],
  ['tcp-reset', 'tcp-rst'],
  ['icmp-admin-prohibited', 'admin-prohib'],
];
const IPV6: readonly (readonly [string, string])[] = [
  ['icmp6-no-route', 'no-route'],
  ['icmp6-adm-prohibited', 'adm-prohibited'],
  ['icmp6-addr-unreachable', 'addr-unreach'],
  ['icmp6-port-unreachable', 'port-unreach'],
  ['tcp-reset', 'tcp-reset'],
  ['icmp6-policy-fail', 'policy-fail'],
  ['icmp6-reject-route', 'reject-route'],
];

/** The tools take the first name that begins with the word. */
const answer: Codec<string> = {
  expected:
    'a kind of answer of this family, like icmp-port-unreachable (IPv4), icmp6-port-unreachable (IPv6) or tcp-reset',
  read(word, family) {
    const wanted = word.toLowerCase();
    const kinds = family === 'ipv4' ? IPV4 : IPV6;
    return kinds.find(([full, short]) => full.startsWith(wanted) || short.startsWith(wanted))?.[0];
  },
  print: (name) => name,
};

/** `-j REJECT`. Source: iptables-extensions(8), REJECT; net/ipv4/netfilter/ipt_REJECT.c. */
export const reject: TargetExtension<RejectOptions> = {
  name: 'REJECT',
  places: { tables: ['filter'], hooks: ['INPUT', 'FORWARD', 'OUTPUT'] },
  options: { with: value(['--reject-with'], answer) },
  listed: listed([/reject-with (\S+)/, '--reject-with $1']),
  refuse: ({ with: kind }, { protocol }) =>
    kind === 'tcp-reset' && protocol !== TCP ? '--reject-with tcp-reset needs -p tcp' : undefined,
  complete: ({ with: kind }, family) => ({
    with: kind ?? (family === 'ipv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'),
  }),
  effect: ({ with: kind = '' }) => ({ kind: 'reject', with: kind }),
};
