import { type NumberRange, numberRange } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, between, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface LengthOptions {
  readonly length?: Negatable<NumberRange>;
}

/** `-m length`: bytes of the whole packet, its IP header counted. Source: iptables-extensions(8), length; net/netfilter/xt_length.c. */
export const length: MatchExtension<LengthOptions> = {
  name: 'length',
  options: { length: negatable(['--length'], numberRange('a number of bytes', 0xffff)) },
  listed: listed([/length (!?)(\S+)/, '$1 --length $2']),
  required: ['length'],
  predicate: ({ length: of }) => (of ? unless(of.negated, between('length', of.value)) : ALWAYS),
};
