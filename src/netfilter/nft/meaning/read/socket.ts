import { SOCKET_LOOKUP } from '../../../fields.ts';
import { isIn } from '../../../predicate.ts';
import { integer } from '../datatype.ts';
import { type Case, notFollowed, notKnown, type Subject } from '../subject.ts';

const { wildcard, plain, transparent, wildcardTransparent } = SOCKET_LOOKUP;

/** Without a socket there is nothing to compare, and the rule ends. */
const found = isIn('socketLookup', [wildcard, wildcardTransparent]);

const eitherOr = (no: readonly [number, number], yes: readonly [number, number]): readonly Case[] => [
  { low: 0, high: 0, when: isIn('socketLookup', ...no.map((kind) => [kind, kind] as const)) },
  { low: 1, high: 1, when: isIn('socketLookup', ...yes.map((kind) => [kind, kind] as const)) },
];

/** `socket KEY`: the socket that the packet would be given to. Source: nft(8), SOCKET EXPRESSION; net/netfilter/nft_socket.c. */
export function readSocket(key: string): Subject {
  const type = integer;
  switch (key) {
    case 'transparent':
      return {
        kind: 'cases',
        type,
        needs: found,
        cases: eitherOr([wildcard, plain], [transparent, wildcardTransparent]),
      };
    case 'wildcard':
      return {
        kind: 'cases',
        type,
        needs: found,
        cases: eitherOr([plain, transparent], [wildcard, wildcardTransparent]),
      };
    case 'mark':
      return notKnown('the mark of the socket', found);
    case 'cgroupv2':
      return notKnown('the control group of the socket', found);
    default:
      return notFollowed(`socket ${key}`, found);
  }
}
