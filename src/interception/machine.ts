import { type Address, type Family, parseAddress } from '../address/index.ts';
import type { Notice } from './interception.ts';

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What istio-iptables looks up on the machine. What is not given is not known. */
export interface Machine {
  /** The text of /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** All addresses of all interfaces. */
  readonly addresses?: readonly Address[];
  uidOf?(name: string): number | undefined;
  gidOf?(name: string): number | undefined;
}

/**
 * The families that Istio programs: IPv4 always; IPv6 where the pod has an IPv6 address and no IPv4 one, or, with dual
 * stack, where it has an IPv6 address. Loopback and link-local addresses do not count, nor does `::6`, which an earlier
 * run put there.
 */
export function familiesOf(addresses: readonly Address[] | undefined, dualStack: boolean): readonly Family[] {
  if (!addresses) return dualStack ? ['ipv4', 'ipv6'] : ['ipv4'];
  const usable = addresses.filter((address) => !isLocal(address));
  const ipv6 = usable.some(({ family }) => family === 'ipv6');
  const ipv4 = usable.some(({ family }) => family === 'ipv4');
  return ipv6 && (dualStack || !ipv4) ? ['ipv4', 'ipv6'] : ['ipv4'];
}

function isLocal({ value }: Address): boolean {
  if (typeof value === 'number') return value >>> 24 === 127 || value >>> 16 === 0xa9fe;
  return value === 1n || value === 6n || value >> 118n === 0xfe80n >> 6n;
}

/** The name servers of a resolv.conf, in its order. Source: resolv.conf(5). */
export function nameServersOf(resolvConf: string): {
  readonly servers: readonly string[];
  readonly notices: readonly Notice[];
} {
  const servers: string[] = [];
  const notices: Notice[] = [];
  for (const line of resolvConf.split('\n')) {
    const [keyword, word] = line.trim().split(/\s+/);
    if (keyword !== 'nameserver' || word === undefined) continue;
    // A rule has no zone: the server is known by its address alone.
    const address = word.replace(/%.*/, '');
    if (parseAddress(address)) servers.push(address);
    else notices.push({ about: 'resolv.conf', message: `the name server ${word} is no address: it is left out` });
  }
  return { servers, notices };
}
