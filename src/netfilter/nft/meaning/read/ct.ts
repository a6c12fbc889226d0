import { CTSTATUS, type ValueField } from '../../../fields.ts';
import { aboutAnother, tracked } from '../../../match/conntrack.ts';
import { all, hasAnyBit, NEVER } from '../../../predicate.ts';
import type { NftAddressFamily, NftExpression } from '../../expression.ts';
import type { NftContext } from '../context.ts';
import { address, ctDirection, ctState, ctStatus, integer, nfproto, protocol, service } from '../datatype.ts';
import { anyNumber, constant, field, notFollowed, notKnown, type Subject } from '../subject.ts';

type Ct = Extract<NftExpression, { readonly kind: 'ct' }>;

const ENDS: Readonly<Record<string, Readonly<Record<'original' | 'reply', ValueField>>>> = {
  saddr: { original: 'ctorigsrc', reply: 'ctreplsrc' },
  daddr: { original: 'ctorigdst', reply: 'ctrepldst' },
  'proto-src': { original: 'ctorigsrcport', reply: 'ctreplsrcport' },
  'proto-dst': { original: 'ctorigdstport', reply: 'ctrepldstport' },
};

/**
 * `ct KEY`: what connection tracking knows. Its state is there for every packet; everything else ends the rule where the
 * packet belongs to no connection. Source: nft(8), CONNTRACK EXPRESSIONS; net/netfilter/nft_ct.c.
 */
export function readCt({ key, direction, family: of }: Ct, { family }: NftContext): Subject {
  const end = ENDS[key];
  if (end && direction) {
    const name = end[direction];
    if (key.startsWith('proto-')) return field(name, service, tracked);
    return field(name, address[family], ofFamily(of, family) ? tracked : NEVER);
  }
  switch (key) {
    case 'state':
      return field('ctstate', ctState);
    case 'status':
      return field('ctstatus', ctStatus, tracked);
    case 'mark':
      return field('ctmark', integer, tracked);
    case 'zone':
      return field('ctzone', integer, tracked);
    case 'protocol':
      return { kind: 'field', field: 'protocol', type: protocol, other: aboutAnother(family), needs: tracked };
    case 'direction':
      return field('ctreply', ctDirection, tracked);
    case 'bytes':
    case 'packets':
    case 'avgpkt':
      return anyNumber(
        `${key} ${direction ?? 'both'}`,
        'it depends on what the connection has carried so far',
        tracked,
      );
    case 'l3proto':
      return { ...constant(nfproto, family === 'ipv4' ? 2 : 10), needs: tracked };
    case 'helper':
      // The helper of the connection that waited for this one.
      return notKnown('which helper expected the connection', all(tracked, hasAnyBit('ctstatus', CTSTATUS.EXPECTED)));
    case 'label':
      return notKnown('the set of the connection’s labels', tracked);
    case 'expiration':
      return notKnown('how long the connection still lives', tracked);
    case 'id':
      return notKnown('the number that the kernel gave the connection', tracked);
    case 'secmark':
      return notKnown('the security mark of the connection', tracked);
    default:
      return notFollowed(`ct ${key}`, tracked);
  }
}

const ofFamily = (of: NftAddressFamily | undefined, family: NftContext['family']): boolean =>
  of === undefined || (of === 'ip') === (family === 'ipv4');
