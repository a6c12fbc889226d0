import { quoted, text } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { CTSTATE, CTSTATUS } from '../fields.ts';
import { listedText } from '../listed.ts';
import { ALWAYS, all, hasAnyBit, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface HelperOptions {
  readonly name?: Negatable<string>;
}

/** Source: the size of xt_helper_info's name, less the end of the string. */
const LONGEST = 29;

/**
 * `-m helper`: the packet's connection was expected by another one's helper. A connection that nobody expected has none,
 * nor has a new one. Source: iptables-extensions(8), helper; net/netfilter/xt_helper.c.
 */
export const helper: MatchExtension<HelperOptions> = {
  name: 'helper',
  options: { name: negatable(['--helper'], text(0, LONGEST)) },
  listed: listedText(/helper match (! )?"/, /"/, LONGEST, (name, bang) => `${bang} --helper ${quoted(name)}`),
  required: ['name'],
  predicate: ({ name }) =>
    name
      ? unless(
          name.negated,
          all(
            hasAnyBit('ctstate', CTSTATE.ESTABLISHED | CTSTATE.RELATED),
            hasAnyBit('ctstatus', CTSTATUS.EXPECTED),
            unknown('which helper expected the connection is not known'),
          ),
        )
      : ALWAYS,
};
