import { readFileSync } from 'node:fs';

/** How often it is looked, and how long it is not told again, in milliseconds. */
const LOOK = 1000;
const QUIET = 10_000;

/**
 * Packets so far that have come to the gateway of a pod, by the pid of a process there, and that went nowhere from there: neither TCP
 * nor a question for a name, or past the sidecar. 0 where the kernel does not tell. Source: proc(5), /proc/PID/net/snmp; RFC 4293.
 */
export function packetsAstray(gateway: number): number {
  const [names = [], values = []] = read(`/proc/${gateway}/net/snmp`)
    .filter((line) => line.startsWith('Ip: '))
    .map((line) => line.split(' '));
  const counted = (name: string): number => Number(values[names.indexOf(name)] ?? 0);
  const [, six = '0'] =
    read(`/proc/${gateway}/net/snmp6`)
      .find((line) => line.startsWith('Ip6InNoRoutes'))
      ?.split(/\s+/) ?? [];
  return counted('InReceives') - counted('InDelivers') + Number(six);
}

function read(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** Tells how many packets have gone astray, as they do, but not all the time; returns what ends that. */
export function watchAstray(count: () => number, tell: (packets: number) => void): () => void {
  let told = count();
  let quiet = 0;
  const look = (now: number): void => {
    const all = count();
    if (all <= told || now < quiet) return;
    tell(all - told);
    told = all;
    quiet = now + QUIET;
  };
  const timer = setInterval(() => look(Date.now()), LOOK).unref();
  return () => {
    clearInterval(timer);
    look(Number.POSITIVE_INFINITY);
  };
}
