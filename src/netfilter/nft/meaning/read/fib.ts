import { ADDRESS_TYPE, type ValueField } from '../../../fields.ts';
import { ALWAYS, all, hasAnyBit, not, type Predicate } from '../../../predicate.ts';
import type { NftExpression } from '../../expression.ts';
import type { NftContext } from '../context.ts';
import { addressType } from '../datatype.ts';
import { notFollowed, type Subject } from '../subject.ts';

type Fib = Extract<NftExpression, { readonly kind: 'fib' }>;

/**
 * `fib … type`: what the routing tables say of an address. Which interface they choose is not followed.
 * Source: nft(8), FIB EXPRESSIONS; net/ipv4/netfilter/nft_fib_ipv4.c.
 */
export function readFib({ result, flags }: Fib, { family }: NftContext): Subject {
  const [only] = flags;
  if (result !== 'type' || flags.length !== 1 || (only !== 'saddr' && only !== 'daddr'))
    return notFollowed(`fib ${flags.join(' . ')} ${result}`);
  const field: ValueField = only === 'saddr' ? 'sourceType' : 'destinationType';
  return {
    kind: 'cases',
    type: addressType,
    needs: ALWAYS,
    cases: Object.values(ADDRESS_TYPE).map((bit) => {
      const number = Math.log2(bit);
      return { low: number, high: number, when: isOfType(field, bit, family) };
    }),
  };
}

/** An IPv6 address that is local is also unicast to addrtype; the routing table calls it local only. */
const isOfType = (field: ValueField, bit: number, family: NftContext['family']): Predicate =>
  family === 'ipv6' && bit === ADDRESS_TYPE.UNICAST
    ? all(hasAnyBit(field, bit), not(hasAnyBit(field, ADDRESS_TYPE.LOCAL)))
    : hasAnyBit(field, bit);
