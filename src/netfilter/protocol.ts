/**
 * Protocols by name, as Debian's /etc/protocols has them: iptables looks the names up there, and prints these.
 */
const NAMES: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['ggp', 3],
  ['ipencap', 4],
  ['st', 5],
  ['tcp', 6],
  ['egp', 8],
  ['igp', 9],
  ['pup', 12],
  ['udp', 17],
  ['hmp', 20],
  ['xns-idp', 22],
  ['rdp', 27],
  ['iso-tp4', 29],
  ['dccp', 33],
  ['xtp', 36],
  ['ddp', 37],
  ['idpr-cmtp', 38],
  ['ipv6', 41],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['idrp', 45],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['skip', 57],
  ['ipv6-icmp', 58],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['rspf', 73],
  ['vmtp', 81],
  ['eigrp', 88],
  ['ospf', 89],
  ['ax.25', 93],
  ['ipip', 94],
  ['etherip', 97],
  ['encap', 98],
  ['pim', 103],
  ['ipcomp', 108],
  ['vrrp', 112],
  ['l2tp', 115],
  ['isis', 124],
  ['sctp', 132],
  ['fc', 133],
  ['mobility-header', 135],
  ['udplite', 136],
  ['mpls-in-ip', 137],
  ['manet', 138],
  ['hip', 139],
  ['shim6', 140],
  ['wesp', 141],
  ['rohc', 142],
  ['ethernet', 143],
]);

/** Names that are taken and never printed. Source: xtables_chain_protos in libxtables. */
const ALIASES: ReadonlyMap<string, number> = new Map([
  ['all', 0],
  ['ip', 0],
  ['hopopt', 0],
  ['icmpv6', 58],
  ['mh', 135],
  ['ipv6-mh', 135],
]);

const NUMBERS: ReadonlyMap<number, string> = new Map([...NAMES].map(([name, number]) => [number, name]));

export const TCP = 6;
export const UDP = 17;
export const UDPLITE = 136;
export const DCCP = 33;
export const SCTP = 132;
export const ICMP = 1;
export const ICMPV6 = 58;
export const ESP = 50;
export const AH = 51;
export const IPCOMP = 108;
export const IGMP = 2;
/** IPv6's "no next header". */
export const NO_NEXT = 59;
export const MOBILITY = 135;

/** Protocols whose packets have ports that rules can ask for and nat can change. */
export const PORTED: ReadonlySet<number> = new Set([TCP, UDP, DCCP, SCTP, UDPLITE]);

/** The number of a protocol given by name (`tcp`, `icmpv6`) or number; `all` is 0. Undefined when it is neither. */
export function protocolNumber(text: string): number | undefined {
  const usual = NAMES.get(text);
  if (usual !== undefined) return usual;
  const name = text.toLowerCase();
  const known = NAMES.get(name) ?? ALIASES.get(name);
  if (known !== undefined) return known;
  return /^\d{1,3}$/.test(name) && Number(name) <= 255 ? Number(name) : undefined;
}

/** The name of a protocol, or its number in decimal. */
export const protocolName = (number: number): string => NUMBERS.get(number) ?? String(number);
