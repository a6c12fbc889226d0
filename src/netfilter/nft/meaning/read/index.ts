import { masked } from '../../../../address/index.ts';
import { ALWAYS, all, hasBits, is } from '../../../predicate.ts';
import { TCP } from '../../../protocol.ts';
import type { NftExpression } from '../../expression.ts';
import type { NftContext } from '../context.ts';
import { integer } from '../datatype.ts';
import { constantOf } from '../operand.ts';
import { notFollowed, notKnown, type Subject } from '../subject.ts';
import { readCt } from './ct.ts';
import { FRAGMENT_OFFSET, fragmentOffset, readExtensionHeader } from './extension-header.ts';
import { readFib } from './fib.ts';
import { readMeta } from './meta.ts';
import { readOption } from './option.ts';
import { readPayload } from './payload.ts';
import { readRoute } from './route.ts';
import { readSocket } from './socket.ts';

/** What an expression reads of a packet. */
export function subjectOf(expression: NftExpression, context: NftContext): Subject {
  switch (expression.kind) {
    case 'meta':
      return readMeta(expression.key, context);
    case 'payload':
      return readPayload(expression.protocol, expression.field, context);
    case 'ct':
      return readCt(expression, context);
    case 'socket':
      return readSocket(expression.key);
    case 'fib':
      return readFib(expression, context);
    case 'concat': {
      const parts = expression.items.map((item) => subjectOf(item, context));
      return { kind: 'concat', parts, needs: all(...parts.map(({ needs }) => needs)) };
    }
    case 'binary':
      return underMask(expression, context);
    case 'numgen':
    case 'jhash':
    case 'symhash': {
      const { kind, offset, modulus } = expression;
      const because = kind === 'numgen' ? `numgen counts or throws dice` : `${kind} is a hash that is not worked out`;
      const id = `${kind} ${context.next()}`;
      return { kind: 'choice', id, because, type: integer, needs: ALWAYS, low: offset, high: offset + modulus - 1 };
    }
    case 'opaque':
      return { kind: 'unknown', needs: ALWAYS, because: expression.because };
    case 'raw':
      return notFollowed(`@${expression.base},${expression.offset},${expression.length}`);
    case 'exthdr':
      return readExtensionHeader(expression, context);
    case 'ip option':
    case 'tcp option':
    case 'raw tcp option':
    case 'sctp chunk':
    case 'dccp option':
      return readOption(expression, context);
    case 'rt':
      return readRoute(expression, context);
    case 'osf':
      // Of nothing but a SYN. Source: net/netfilter/nft_osf.c.
      return notKnown('from which system the packet came', all(is('protocol', TCP), hasBits('tcpFlags', 2, 2)));
    case 'ipsec':
      // Source: net/netfilter/nft_xfrm.c.
      return notKnown('which IPsec policy the packet is under', is('ipsec', 1));
    default:
      return notFollowed(`what ${JSON.stringify(expression.kind)} reads`);
  }
}

type Binary = Extract<NftExpression, { readonly kind: 'binary' }>;

/** `meta mark & 0xff`: some bits of a field. */
function underMask({ operator, left, right }: Binary, context: NftContext): Subject {
  const of = subjectOf(left, context);
  const isOffset = left.kind === 'payload' && left.protocol === 'ip' && left.field === 'frag-off';
  const mask = isOffset && operator === '&' ? constantOf(right, integer) : undefined;
  if (mask !== undefined && masked(mask, FRAGMENT_OFFSET) === FRAGMENT_OFFSET)
    return fragmentOffset(Number(mask), of.needs);
  if (of.kind === 'unknown') return of;
  if (operator === '&' && of.kind === 'field') {
    const mask = constantOf(right, of.type);
    if (mask !== undefined) return { ...of, mask };
  }
  return notFollowed(`an arithmetic with ${operator}`, of.needs);
}
