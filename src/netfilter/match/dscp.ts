import { integer } from '../codec.ts';
import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, is, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface DscpOptions {
  readonly dscp?: Negatable<number>;
}

/** Six bits, printed in hexadecimal: shared with the target. */
export const dscpValue: Codec<number> = {
  ...integer('a DSCP', 0, 63),
  print: (of) => `0x${of.toString(16).padStart(2, '0')}`,
};

/** Classes by name: BE, EF, CS0–CS7, AF11–AF43. Source: dscp_helper.c in iptables. */
export const dscpClass: Codec<number> = {
  ...dscpValue,
  expected: 'a DiffServ class: BE, EF, CS0 to CS7, or AFxy with x from 1 to 4 and y from 1 to 3',
  read(word) {
    // Whatever follows the name is not looked at.
    const [, name, selector, forwarding, drop] = /^(BE|EF|CS([0-7])|AF([1-4])([1-3]))/i.exec(word) ?? [];
    if (name?.length === 2) return name.toUpperCase() === 'BE' ? 0 : 46;
    if (selector !== undefined) return Number(selector) * 8;
    return forwarding === undefined ? undefined : Number(forwarding) * 8 + Number(drop) * 2;
  },
};

/** `-m dscp`. Source: iptables-extensions(8), dscp; net/netfilter/xt_dscp.c. */
export const dscp: MatchExtension<DscpOptions> = {
  name: 'dscp',
  options: { dscp: [negatable(['--dscp'], dscpValue), negatable(['--dscp-class'], dscpClass)] },
  listed: listed([/DSCP match (!?)(\S+)/, '$1 --dscp $2']),
  required: ['dscp'],
  predicate: ({ dscp: of }) => (of ? unless(of.negated, is('dscp', of.value)) : ALWAYS),
};
