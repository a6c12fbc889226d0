import type { Assignment } from '../effect.ts';
import { type Option, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { byte, dscpOf, ecnOf, type MaskedTos, printTos, tosValue } from '../match/tos.ts';

export interface TosTargetOptions {
  /** The byte becomes `(tos & ~mask) ^ value`. */
  readonly tos?: MaskedTos;
}

/** The four spellings of one change, of which the first is printed. */
const bits = (name: string, change: (of: number) => MaskedTos): Option<MaskedTos> =>
  value([name], {
    expected: byte.expected,
    read(word, family) {
      const of = byte.read(word, family);
      return of === undefined ? undefined : change(of);
    },
    print: printTos,
  });

/** `-j TOS`. Source: iptables-extensions(8), TOS; net/netfilter/xt_DSCP.c, tos_tg. */
export const tosTarget: TargetExtension<TosTargetOptions> = {
  name: 'TOS',
  places: { tables: ['mangle'] },
  options: {
    tos: [
      value(['--set-tos'], tosValue),
      bits('--and-tos', (of) => ({ value: 0, mask: ~of & 0xff })),
      bits('--or-tos', (of) => ({ value: of, mask: of })),
      bits('--xor-tos', (of) => ({ value: of, mask: 0 })),
    ],
  },
  // No blank stands before a name.
  listed: listed([/TOS (set|and|or|xor) ?(\S+)/, '--$1-tos $2']),
  required: ['tos'],
  effect: ({ tos = { value: 0, mask: 0 } }) => ({
    kind: 'continue',
    assign: (['dscp', 'ecn'] as const).flatMap((field): Assignment[] => {
      const part = field === 'dscp' ? dscpOf : ecnOf;
      const [keep, xor] = [part(~tos.mask & 0xff), part(tos.value)];
      return keep === part(0xff) && xor === 0 ? [] : [{ field, keep, xor }];
    }),
  }),
};
