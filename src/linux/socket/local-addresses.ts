import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { formatAddress } from '../../address/index.ts';

/**
 * The addresses of this network namespace, as inet_ntop writes them; no privilege is needed. From the kernel's own
 * tables, because `os.networkInterfaces` leaves out an interface whose carrier is not settled yet (up to a second after
 * `ip link set up`).
 */
export function readLocalAddresses(): string[] {
  try {
    return [
      ...parseLocalTrie(readFileSync('/proc/net/fib_trie', 'utf8')),
      ...parseIfInet6(readFileIfThere('/proc/net/if_inet6')),
    ];
  } catch {
    return Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []);
  }
}

/** Without IPv6 there is no such file. */
function readFileIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The addresses that /proc/net/fib_trie calls `/32 host LOCAL`: a leaf's address stands on the line before. */
export function parseLocalTrie(text: string): string[] {
  const addresses = new Set<string>();
  let leaf = '';
  for (const line of text.split('\n')) {
    leaf = /\|-- (\S+)/.exec(line)?.[1] ?? leaf;
    if (/\/32 host LOCAL/.test(line)) addresses.add(leaf);
  }
  return [...addresses];
}

/** /proc/net/if_inet6: the address in 32 hex digits comes first. Source: proc(5). */
export const parseIfInet6 = (text: string): string[] =>
  text.split('\n').flatMap((line) => {
    const [hex = ''] = line.split(' ');
    return hex.length === 32 ? [formatAddress('ipv6', BigInt(`0x${hex}`))] : [];
  });
