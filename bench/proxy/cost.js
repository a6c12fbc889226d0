// What a process and its threads have cost, from /proc.
import { readdirSync, readFileSync } from 'node:fs';

/** The process and all its descendants: nginx and its like work in children. */
function family(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}

/** Microseconds of CPU, as the scheduler counts them. */
export const cpuOf = (pid) =>
  family(pid)
    .flatMap((each) => readdirSync(`/proc/${each}/task`).map((task) => `/proc/${each}/task/${task}/schedstat`))
    .reduce((sum, file) => sum + Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e3, 0);

/** KiB: `rss` all that it has in memory, `own` what nobody shares with it. */
export function memoryOf(pid) {
  const total = { rss: 0, own: 0 };
  for (const each of family(pid)) {
    const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'utf8');
    const of = (name) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
    total.rss += of('Rss');
    total.own += of('Private_Clean') + of('Private_Dirty');
  }
  return total;
}

export const threadsOf = (pid) => family(pid).flatMap((each) => readdirSync(`/proc/${each}/task`).map(Number));
