import type { Codec } from './extension.ts';

/** A MAC address as a number of 48 bits; 0 stands for none. */
export const macAddress: Codec<number> = {
  expected: 'a MAC address like 00:11:22:33:44:55',
  read: (word) =>
    /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(word)
      ? word.split(':').reduce((value, byte) => value * 256 + Number.parseInt(byte, 16), 0)
      : undefined,
  print: (value) => formatMac(value),
};

/** In lower case, two digits a byte. */
export const formatMac = (value: number): string => (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
