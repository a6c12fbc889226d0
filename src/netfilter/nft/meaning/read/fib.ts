import type { Range } from '../../../../address/index.ts';
import { ADDRESS_TYPE } from '../../../fields.ts';
import { ALWAYS, all, hasAnyBit, isIn, isNamed, not, type Predicate, some } from '../../../predicate.ts';
import type { NftExpression } from '../../expression.ts';
import type { NftContext } from '../context.ts';
import { addressType } from '../datatype.ts';
import { notFollowed, type Subject } from '../subject.ts';

type Fib = Extract<NftExpression, { readonly kind: 'fib' }>;

/**
 * `fib … type`: what the routing tables say of an address; `fib … oif`: by which interface it would be answered, or reached.
 * Source: nft(8), FIB EXPRESSIONS; net/ipv4/netfilter/nft_fib_ipv4.c, net/ipv6/netfilter/nft_fib_ipv6.c.
 */
export function readFib(fib: Fib, { family }: NftContext): Subject {
  const { result, flags } = fib;
  const has = (flag: string): boolean => flags.includes(flag);
  if (has('saddr') === has('daddr') || (has('iif') && has('oif'))) return unread(fib);
  if (result === 'type') {
    // IPv4 looks into table local, and no rule about marks leads there.
    if (has('mark') && family === 'ipv6') return unread(fib);
    return typeOf(has('saddr') ? 'source' : 'destination', has('iif') ? 'In' : has('oif') ? 'Out' : '', family);
  }
  // The kernel takes none of these with the interface that a packet leaves by.
  if (has('oif')) return unread(fib);
  const asked = { kind: 'leading', same: has('iif'), number: result !== 'oifname', needs: ALWAYS } as const;
  if (has('daddr')) return { ...asked, field: has('mark') ? 'markedFibDestination' : 'fibDestination' };
  return has('mark')
    ? { ...asked, field: 'markedFibSource', back: 'markedFibWayBack' }
    : { ...asked, field: 'fibSource', back: 'fibWayBack' };
}

const unread = ({ result, flags }: Fib): Subject => notFollowed(`fib ${flags.join(' . ')} ${result}`);

type End = 'source' | 'destination';
type On = 'In' | 'Out' | '';

const typeOf = (end: End, on: On, family: NftContext['family']): Subject => ({
  kind: 'cases',
  type: addressType,
  needs: ALWAYS,
  cases: Object.values(ADDRESS_TYPE).map((bit) => {
    const number = Math.log2(bit);
    const when = family === 'ipv4' ? hasAnyBit(`${end}Type${on}`, bit) : isOfType(end, on, bit);
    return { low: number, high: number, when };
  }),
});

const { UNICAST, LOCAL, ANYCAST, UNREACHABLE } = ADDRESS_TYPE;

/**
 * An IPv6 address that is local, of a router on its link or that no route leads to is also unicast to addrtype; the routing
 * table calls it one thing.
 */
function isOfType(end: End, on: On, bit: number): Predicate {
  if (bit !== UNICAST) return isFound(end, on, bit);
  return all(
    hasAnyBit(`${end}Type`, UNICAST),
    ...[LOCAL, ANYCAST, UNREACHABLE].map((other) => not(isFound(end, on, other))),
  );
}

/** Only what the interface has counts as local, but routes are looked up on all; those of the link only on it, or where the packet came in. */
function isFound(end: End, on: On, bit: number): Predicate {
  const onLink = all(isIn(end, LINK_LOCAL), on ? ALWAYS : not(isNamed('in', '')));
  return some(
    all(onLink, hasAnyBit(`${end}Type${on || 'In'}`, bit)),
    all(not(onLink), hasAnyBit(`${end}Type${bit === LOCAL ? on : ''}`, bit)),
  );
}

/** fe80::/10. */
const LINK_LOCAL: Range = [0xfe80n << 112n, (0xfec0n << 112n) - 1n];
