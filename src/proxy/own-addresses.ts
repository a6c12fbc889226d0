import { readLocalAddresses } from '../linux/socket/index.ts';

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
      known = new Set(read());
      until = now() + FRESH;
    }
    return known.has(address.replace(/%.*$/, ''));
  };
}
