import type { Family } from '../address/index.ts';

const WITH_VALUE = String.raw`[ \t](?:-[sd]|--(?:source|src|destination|dst|on-ip|to-source|to-destination|ctorig(?:src|dst)|ctrepl(?:src|dst)))[ \t]`;
const EVIDENCE = new RegExp(
  String.raw`${WITH_VALUE}\[?(?:([0-9a-f]*:[0-9a-f]*:)|\d+[./])|[ \t]-p[ \t](ipv6-icmp|icmpv6)\b|(icmp6-|-m icmp6|--icmpv6-type)|[ \t]--icmp-type\b`,
  'i',
);

/** What a text shows of its family by the first address or protocol that only one of them has; IPv4 where it shows nothing. */
export function familyShown(text: string): Family {
  const [, address, protocol, name] = EVIDENCE.exec(text) ?? [];
  return (address ?? protocol ?? name) === undefined ? 'ipv4' : 'ipv6';
}
