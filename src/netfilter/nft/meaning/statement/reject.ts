import type { Family } from '../../../../address/index.ts';
import { ALWAYS, is, NEVER, type Predicate } from '../../../predicate.ts';
import { TCP } from '../../../protocol.ts';
import type { NftStatement } from '../../statement.ts';
import type { Act } from '../act.ts';
import type { NftContext } from '../context.ts';

type Reject = Extract<NftStatement, { readonly kind: 'reject' }>;

/** nft's names for the answers, and what iptables calls the same. `icmpx` speaks for both families. Source: nft(8), REJECT STATEMENT. */
const ANSWERS: Readonly<
  Record<'icmp' | 'icmpv6' | 'icmpx', Readonly<Record<Family, Readonly<Record<string, string>>>>>
> = {
  icmp: {
    ipv4: {
      'net-unreachable': 'icmp-net-unreachable',
      'host-unreachable': 'icmp-host-unreachable',
      'prot-unreachable': 'icmp-proto-unreachable',
      'port-unreachable': 'icmp-port-unreachable',
      'net-prohibited': 'icmp-net-prohibited',
      'host-prohibited': 'icmp-host-prohibited',
      'admin-prohibited': 'icmp-admin-prohibited',
    },
    ipv6: {},
  },
  icmpv6: {
    ipv4: {},
    ipv6: {
      'no-route': 'icmp6-no-route',
      'admin-prohibited': 'icmp6-adm-prohibited',
      'addr-unreachable': 'icmp6-addr-unreachable',
      'port-unreachable': 'icmp6-port-unreachable',
      'policy-fail': 'icmp6-policy-fail',
      'reject-route': 'icmp6-reject-route',
    },
  },
  icmpx: {
    ipv4: {
      'no-route': 'icmp-net-unreachable',
      'host-unreachable': 'icmp-host-unreachable',
      'port-unreachable': 'icmp-port-unreachable',
      'admin-prohibited': 'icmp-admin-prohibited',
    },
    ipv6: {
      'no-route': 'icmp6-no-route',
      'host-unreachable': 'icmp6-addr-unreachable',
      'port-unreachable': 'icmp6-port-unreachable',
      'admin-prohibited': 'icmp6-adm-prohibited',
    },
  },
};

/** `reject`: an answer to the sender. An answer of one family's ICMP asks for a packet of that family. */
export function rejectAct({ type, code }: Reject, { family }: NftContext): Act {
  const answer = (when: Predicate, kind: string): Act => ({
    part: 'reject',
    alternatives: [{ when, effect: { kind: 'reject', with: kind } }],
  });
  if (type === 'tcp reset') return answer(is('protocol', TCP), 'tcp-reset');
  const name = code?.kind === 'value' ? String(code.value) : 'port-unreachable';
  const kinds = ANSWERS[type ?? 'icmpx'][family];
  const foreign = (type === 'icmp' && family === 'ipv6') || (type === 'icmpv6' && family === 'ipv4');
  return answer(foreign ? NEVER : ALWAYS, kinds[name] ?? `${type ?? 'icmp'} ${name}`);
}
