/**
 * The protocols whose numbers everybody knows by name, from the IANA registry. iptables reads names from
 * /etc/protocols and prints these by name in every release.
 */
const NAMES: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['ipencap', 4],
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['ipv6', 41],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['ipv6-icmp', 58],
  ['ospf', 89],
  ['sctp', 132],
  ['udplite', 136],
]);

const NUMBERS: ReadonlyMap<number, string> = new Map([...NAMES].map(([name, number]) => [number, name]));

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const ICMPV6 = 58;

/** The number of a protocol given by name (`tcp`, `icmpv6`) or number; `all` is 0. Undefined when it is neither. */
export function protocolNumber(text: string): number | undefined {
  const name = text.toLowerCase();
  if (name === 'all') return 0;
  if (name === 'icmpv6') return ICMPV6;
  if (/^\d{1,3}$/.test(name)) return Number(name) <= 255 ? Number(name) : undefined;
  return NAMES.get(name);
}

/** The name of a protocol, or its number in decimal. */
export const protocolName = (number: number): string => NUMBERS.get(number) ?? String(number);
