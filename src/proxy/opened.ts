import { type Endpoint, formatEndpoint } from '../linux/socket/index.ts';
import type { Direction } from './policy.ts';

/**
 * The connections that this proxy has opened itself and that are open now, so that one which comes back is known. By both ends:
 * the kernel gives the port of one connection to others too, as long as they go elsewhere.
 */
export interface Opened {
  add(from: Endpoint, to: Endpoint, direction: Direction): void;
  remove(from: Endpoint, to: Endpoint): void;
  find(from: Endpoint, to: Endpoint): Direction | undefined;
}

/** For an engine in one thread. */
export function openedHere(): Opened {
  const known = new Map<string, Direction>();
  const key = (from: Endpoint, to: Endpoint) => `${formatEndpoint(from)} ${formatEndpoint(to)}`;
  return {
    add: (from, to, direction) => void known.set(key(from, to), direction),
    remove: (from, to) => void known.delete(key(from, to)),
    find: (from, to) => known.get(key(from, to)),
  };
}
