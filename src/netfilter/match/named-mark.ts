import { hexadecimal, type MaskedMark, parseMaskedMark } from '../codec.ts';
import type { Codec } from '../extension.ts';

/** A number under a mask, of which the number 0 has a name: iproute2's files name realms and groups of devices. */
export const namedMark = (zero: string): Codec<MaskedMark> => ({
  expected: `a number like 5 or 0x5, with a mask after a slash if need be, or ${zero}`,
  read: (word) => (word === zero ? { value: 0, mask: EVERY } : parseMaskedMark(word)),
  print({ value, mask }) {
    if (mask !== EVERY) return `${hexadecimal(value)}/${hexadecimal(mask)}`;
    return value === 0 ? zero : hexadecimal(value);
  },
});

const EVERY = 0xffff_ffff;
