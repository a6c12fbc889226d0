import { formatPortRange, type PortRange, parsePortRange } from '../address/index.ts';
import type { Codec } from './extension.ts';
import { TCP_FLAGS } from './fields.ts';

/** `80`, `8000:8999`, `:1023`, `1024:`; a service name is looked up by the text layer before it gets here. */
export const portRange: Codec<PortRange> = {
  expected: 'a port from 0 to 65535, or a range like 8000:8999',
  read: (word) => parsePortRange(word),
  print: (range) => formatPortRange(range),
};

/** Ports as REDIRECT and DNAT take them: `15001` or `15001-15010`. */
export const targetPorts: Codec<PortRange> = {
  expected: 'a port from 0 to 65535, or a range like 8000-8999',
  read: (word) => parsePortRange(word, '-'),
  print: (range) => formatPortRange(range, '-'),
};

/** A list of TCP flags as bits: `SYN,ACK`, `ALL`, `NONE`. */
export const tcpFlagNames = {
  expected: 'TCP flags: SYN ACK FIN RST URG PSH ALL NONE, separated by commas',
  read(word: string): number | undefined {
    let bits = 0;
    for (const name of word.toUpperCase().split(',')) {
      if (name === 'ALL') bits |= 0x3f;
      else if (name in TCP_FLAGS) bits |= TCP_FLAGS[name as keyof typeof TCP_FLAGS];
      else if (name !== 'NONE') return undefined;
    }
    return bits;
  },
  print(bits: number): string {
    const names = Object.entries(TCP_FLAGS).filter(([, bit]) => (bits & bit) !== 0);
    return names.length === 0 ? 'NONE' : names.map(([name]) => name).join(',');
  },
} satisfies Codec<number>;

/** A 32-bit number in decimal or 0x hexadecimal, or undefined. */
export function parseUint32(word: string): number | undefined {
  if (!/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(word)) return undefined;
  const number = Number(word);
  return number <= 0xffff_ffff ? number : undefined;
}

/**
 * A string that the kernel's tools quote when it holds anything but letters, digits, `_` and `-`.
 * Source: xtables_save_string in iptables' libxtables.
 */
export function quoted(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  return `"${text.replace(/["\\']/g, (char) => `\\${char}`)}"`;
}
