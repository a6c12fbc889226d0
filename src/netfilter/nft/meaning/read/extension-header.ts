import { IPV6_HEADERS } from '../../../fields.ts';
import { ALWAYS, all, hasAnyBit, is, NEVER, not, type Predicate, some, unknown } from '../../../predicate.ts';
import { MOBILITY } from '../../../protocol.ts';
import type { NftExpression } from '../../expression.ts';
import type { NftContext } from '../context.ts';
import { integer } from '../datatype.ts';
import { notFollowed, notKnown, presence, type Subject } from '../subject.ts';

type ExtensionHeader = Extract<NftExpression, { readonly kind: 'exthdr' }>;

const route = hasAnyBit('headers', IPV6_HEADERS['ipv6-route']);

/** By nft's names: when the header is there, and what it is called. nft asks for no type where it names one of Routing. */
const HEADERS: Readonly<Record<string, readonly [there: Predicate, spoken: string]>> = {
  hbh: [hasAnyBit('headers', IPV6_HEADERS['hop-by-hop']), 'Hop-by-Hop Options'],
  dst: [hasAnyBit('headers', IPV6_HEADERS['ipv6-opts']), 'Destination Options'],
  rt: [route, 'Routing'],
  rt0: [route, 'Routing'],
  rt2: [route, 'Routing'],
  srh: [route, 'Routing'],
  frag: [hasAnyBit('headers', IPV6_HEADERS['ipv6-frag']), 'Fragment'],
  // The packet's last header, which only its first fragment has.
  mh: [all(is('protocol', MOBILITY), is('fragment', 0)), 'Mobility'],
};

/**
 * A header of IPv6 before the last one: whether it is there, or a field of it, without which the rule ends.
 * Source: nft(8), EXTENSION HEADER EXPRESSIONS; net/netfilter/nft_exthdr.c, nft_exthdr_ipv6_eval.
 */
export function readExtensionHeader({ name, field }: ExtensionHeader, { family }: NftContext): Subject {
  const known = Object.hasOwn(HEADERS, name) ? HEADERS[name] : undefined;
  if (!known) return notFollowed(`exthdr ${name}`);
  const [there, spoken] = known;
  const ofFamily = family === 'ipv6' ? ALWAYS : NEVER;
  if (field === undefined) return presence(there, ofFamily);
  const needs = all(ofFamily, there);
  if (field === 'frag-off') return fragmentOffset(FRAGMENT_OFFSET, needs);
  return notKnown(`what the ${spoken} header holds`, needs);
}

/** The part of a fragment's offset that only later fragments have anything in. */
export const FRAGMENT_OFFSET = 0x1fff;

/** Where a fragment begins, with what flags the mask holds besides: the offset is not zero in later fragments only. */
export function fragmentOffset(mask: number, needs: Predicate): Subject {
  const flags = mask === FRAGMENT_OFFSET ? NEVER : unknown('whether the packet may be cut up, and is, is not known');
  const because = 'where in its packet the fragment begins is not known';
  const cases = [
    { low: 0, high: 0, when: all(is('fragment', 0), not(flags)) },
    { low: 1, high: mask, when: some(is('fragment', 1), flags), because },
  ];
  return { kind: 'cases', type: integer, needs, cases };
}
