import type { Codec } from './extension.ts';

/** A MAC address as a number of 48 bits; 0 stands for none. */
export const macAddress: Codec<number> = {
  expected: 'a MAC address like 00:11:22:33:44:55',
  read: parseMac,
  print: (value) => formatMac(value),
};

/** Six bytes of at most two hexadecimal digits, with colons between them; a byte without digits is 0 to the tools. */
function parseMac(word: string): number | undefined {
  // By hand, as parseIpv4 reads its octets, and for the same reason.
  let value = 0;
  let byte = 0;
  let digits = 0;
  let colons = 0;
  for (let at = 0; at < word.length; at += 1) {
    const code = word.charCodeAt(at);
    if (code === 58) {
      value = value * 256 + byte;
      byte = 0;
      digits = 0;
      colons += 1;
      continue;
    }
    const letter = code | 32;
    const digit = code >= 48 && code <= 57 ? code - 48 : letter >= 97 && letter <= 102 ? letter - 87 : undefined;
    if (digit === undefined || digits === 2) return undefined;
    byte = byte * 16 + digit;
    digits += 1;
  }
  return colons === 5 ? value * 256 + byte : undefined;
}

/** In lower case, two digits a byte. */
export const formatMac = (value: number): string => (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
