import type { Family } from '../address/index.ts';

const OPTIONS =
  '-[sd]|--(?:source|src|destination|dst|on-ip|to-source|to-destination|ctorig(?:src|dst)|ctrepl(?:src|dst))';
const ADDRESS = new RegExp(String.raw`[ \t](?:${OPTIONS})[ \t](?:(\[?[0-9a-f]*:[0-9a-f]*:)|\d+[./])`, 'i');
const WORDS = /[ \t]-p[ \t](?:ipv6-icmp|icmpv6|58)\b|icmp6-|-m icmp6 |--icmpv6-type/i;

/**
 * What a text shows of its family: by its first address, else by a word that IPv6 rules have (`-p ipv6-icmp`); IPv4 where
 * it shows nothing.
 */
export function familyShown(text: string): Family {
  const address = ADDRESS.exec(text);
  if (address) return address[1] === undefined ? 'ipv4' : 'ipv6';
  return WORDS.test(text) ? 'ipv6' : 'ipv4';
}
