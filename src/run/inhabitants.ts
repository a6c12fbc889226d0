import { readdirSync, readlinkSync } from 'node:fs';

/** The network namespace that a process is in, as the kernel names it: `net:[4026531840]`. Throws where there is no such process. */
export const networkOf = (pid: number | 'self'): string => readlinkSync(`/proc/${pid}/ns/net`);

/** The processes that are in a network namespace, but for this one. */
function inhabitants(network: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      return networkOf(pid) === network ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/**
 * Kills whatever is in a network namespace but this process, until nothing is left or `patience` milliseconds are over. Nobody is told
 * to end politely: whoever could have was the sidecar, and without it there is no network.
 *
 * @example
 * endInhabitants(networkOf(pid), 2000);
 */
export function endInhabitants(network: string, patience = Number.POSITIVE_INFINITY): void {
  const until = Date.now() + patience;
  for (let left = inhabitants(network); left.length > 0 && Date.now() < until; left = inhabitants(network)) {
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
  }
}
