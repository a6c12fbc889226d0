import { all, isIn, NEVER, type Predicate } from '../../../predicate.ts';
import { TCP, UDP } from '../../../protocol.ts';
import type { NftStatement } from '../../statement.ts';
import { seesFamily } from '../../table.ts';
import type { Act } from '../act.ts';
import type { NftContext } from '../context.ts';
import { address, service } from '../datatype.ts';
import { constantOf } from '../operand.ts';

type Tproxy = Extract<NftStatement, { readonly kind: 'tproxy' }>;

const hasPorts: Predicate = all(isIn('protocol', [TCP, TCP], [UDP, UDP]), isIn('fragment', [0, 0]));

/**
 * `tproxy`: gives the packet to a transparent socket, and the rule goes on. Where there is none, or for a packet of the other
 * family, the rule ends. Source: nft(8), TPROXY STATEMENT; net/netfilter/nft_tproxy.c.
 */
export function tproxyAct({ family: of, address: host, port: gate }: Tproxy, { family }: NftContext): Act {
  const part = 'tproxy';
  if (!seesFamily({ family: of }, family))
    return { part, alternatives: [{ when: NEVER, effect: { kind: 'continue', assign: [] } }] };
  const at = host && constantOf(host, address[family]);
  const port = gate ? constantOf(gate, service) : 0;
  if (port === undefined || (host && at === undefined)) {
    const because = 'the socket that it hands the packet to is not followed';
    return { part, alternatives: [{ when: hasPorts, effect: { kind: 'unknown', because } }] };
  }
  const to = at === undefined ? {} : { address: at };
  return {
    part,
    alternatives: [{ when: hasPorts, effect: { kind: 'tproxy', ...to, port: Number(port), goesOn: true } }],
  };
}
