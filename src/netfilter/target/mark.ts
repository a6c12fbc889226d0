import { EVERY_BIT, hexadecimal, type MaskedMark, mask32, maskedMark } from '../codec.ts';
import { type Codec, type Option, type TargetExtension, value } from '../extension.ts';
import { type ListedPart, listed } from '../listed.ts';

export interface MarkTargetOptions {
  /** The mark becomes `(mark & ~mask) ^ value`. */
  readonly xmark?: MaskedMark;
}

/**
 * The five spellings of one change, of which the first is printed: shared with CONNMARK.
 * Source: iptables-extensions(8), MARK; netfilter-semantics 17, by experiment.
 */
export const markChanges: readonly [Option<MaskedMark>, ...Option<MaskedMark>[]] = (() => {
  const print = ({ value: of, mask }: MaskedMark): string => `${hexadecimal(of)}/${hexadecimal(mask)}`;
  const spelling = (name: string, codec: Codec<unknown>, read: Codec<MaskedMark>['read']): Option<MaskedMark> =>
    value([name], { expected: codec.expected, read, print });
  const bits = (name: string, xmark: (of: number) => MaskedMark): Option<MaskedMark> =>
    spelling(name, mask32, (word, family) => {
      const of = mask32.read(word, family);
      return of === undefined ? undefined : xmark(of);
    });
  return [
    spelling('--set-xmark', maskedMark, maskedMark.read),
    spelling('--set-mark', maskedMark, (word, family) => {
      const of = maskedMark.read(word, family);
      return of ? { value: of.value, mask: (of.value | of.mask) >>> 0 } : undefined;
    }),
    bits('--and-mark', (of) => ({ value: 0, mask: (~of & EVERY_BIT) >>> 0 })),
    bits('--or-mark', (of) => ({ value: of, mask: of })),
    bits('--xor-mark', (of) => ({ value: of, mask: 0 })),
  ];
})();

/** `MARK set 0x1`, `CONNMARK xset 0x1/0x3`: the same as `iptables -L` shows it. */
export const listedMarks = (name: string): readonly ListedPart[] => [
  [new RegExp(`${name} (set|and|or|xor) (\\S+)`), '--$1-mark $2'],
  [new RegExp(`${name} xset (\\S+)`), '--set-xmark $1'],
];

/** `-j MARK`. Source: iptables-extensions(8), MARK; net/netfilter/xt_mark.c. */
export const markTarget: TargetExtension<MarkTargetOptions> = {
  name: 'MARK',
  options: { xmark: markChanges },
  listed: listed(...listedMarks('MARK')),
  required: ['xmark'],
  effect: ({ xmark }) => ({
    kind: 'continue',
    assign: xmark ? [{ field: 'mark', keep: (~xmark.mask & EVERY_BIT) >>> 0, xor: xmark.value }] : [],
  }),
};
