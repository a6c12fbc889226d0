import { EVERY_BIT, type MaskedMark, maskedMark } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, hasBits, is, NEVER, type Predicate, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface MarkOptions {
  readonly mark?: Negatable<MaskedMark>;
}

/** The mark under the mask equals the value: shared with connmark. A value with bits outside its mask never does. */
export function hasMark(field: 'mark' | 'ctmark', { value, mask }: MaskedMark): Predicate {
  if ((value & ~mask) !== 0) return NEVER;
  if (mask === 0) return ALWAYS;
  return mask === EVERY_BIT ? is(field, value) : hasBits(field, mask, value);
}

/** `-m mark`. Source: iptables-extensions(8), mark; net/netfilter/xt_mark.c. */
export const mark: MatchExtension<MarkOptions> = {
  name: 'mark',
  options: { mark: negatable(['--mark'], maskedMark) },
  listed: listed([/mark match (! ?)?(\S+)/, '$1 --mark $2']),
  required: ['mark'],
  predicate: ({ mark: of }) => (of ? unless(of.negated, hasMark('mark', of.value)) : ALWAYS),
};
