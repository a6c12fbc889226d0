import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { formatAddress } from '../../address/index.ts';
import { type Endpoint, endpointOf } from './address.ts';

/** One line of /proc/net/tcp or /proc/net/tcp6. Source: proc(5). */
export interface SocketEntry {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** TCP_ESTABLISHED 1 … TCP_LISTEN 10 … */
  readonly state: number;
  readonly uid: number;
  /** 0 for a connection that nobody has accepted yet. */
  readonly inode: number;
}

export const TCP_ESTABLISHED = 1;
export const TCP_LISTEN = 10;

/** All TCP sockets of this network namespace; no privilege is needed. Empty where /proc is not mounted. */
export const readSocketTable = (): SocketEntry[] =>
  ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => {
    try {
      return parseSocketTable(readFileSync(path, 'utf8'));
    } catch {
      return [];
    }
  });

/** Reads the text of either file; lines that are not entries are passed over. */
export function parseSocketTable(text: string): SocketEntry[] {
  const entries: SocketEntry[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local = '', remote = '', state = '', , , , uid = '', , inode = ''] = line.trim().split(/\s+/);
    if (inode === '') continue;
    entries.push({
      local: parseEnd(local),
      remote: parseEnd(remote),
      state: Number.parseInt(state, 16),
      uid: Number(uid),
      inode: Number(inode),
    });
  }
  return entries;
}

/** `0100007F:1F90`: each 32-bit word of the address in the host's byte order, the port as a number. */
function parseEnd(text: string): Endpoint {
  const [hex = '', port = ''] = text.split(':');
  let value = 0n;
  for (let at = 0; at < hex.length; at += 8) value = (value << 32n) | BigInt(hostOrder(hex.slice(at, at + 8)));
  const address = hex.length > 8 ? formatAddress('ipv6', value) : formatAddress('ipv4', Number(value));
  return endpointOf(address, Number.parseInt(port, 16));
}

function hostOrder(word: string): number {
  const value = Number.parseInt(word, 16);
  if (endianness() === 'BE') return value;
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
