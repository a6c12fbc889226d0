import { readLocalAddresses } from '../linux/socket/index.ts';
import type { Settings } from './config.ts';

/** Addresses come and go with the pod's interfaces, but seldom: they are read at most once in this many milliseconds. */
const FRESH = 1000;

/** Tells this host's own addresses (all of 127.0.0.0/8 among them) from others. */
export function ownAddresses(
  read: () => readonly string[] = readLocalAddresses,
  now: () => number = Date.now,
): (address: string) => boolean {
  let known: ReadonlySet<string> = new Set();
  let until = Number.NEGATIVE_INFINITY;
  return (address) => {
    if (address.startsWith('127.') || address === '::1') return true;
    if (now() >= until) {
      until = now() + FRESH;
      known = new Set(tried(read) ?? known);
    }
    return known.has(address.replace(/%.*$/, ''));
  };
}

/** Tells a proxy's own addresses from others: its host's, or those of the pod that it serves. */
export const ownAddressesFor = ({ pod }: Settings): ((address: string) => boolean) =>
  pod ? ownAddresses(() => pod.addresses) : ownAddresses();

/** Out of descriptors for a while, say: what was known is the best there is, and no connection ends for it. */
function tried<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
