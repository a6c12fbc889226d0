import type { Backend } from '../../src/netfilter/index.ts';
import type { Trace } from '../../src/trace/index.ts';
import type { Scratch } from './namespace.ts';

/** How often each rule matched: `ipv4 nat PREROUTING 1` and a number of packets. Rules that never did are left out. */
export type Counts = ReadonlyMap<string, number>;

/** What the kernel has counted in a namespace so far. */
export function packetCounts(scratch: Scratch, backend: Backend): Counts {
  const counts = new Map<string, number>();
  for (const [family, tool] of [
    ['ipv4', 'iptables'],
    ['ipv6', 'ip6tables'],
  ] as const) {
    let table = '';
    const numbers = new Map<string, number>();
    for (const line of scratch.must([`${tool}-${backend}-save`, '-c']).split('\n')) {
      if (line.startsWith('*')) table = line.slice(1);
      const [, packets, chain] = /^\[(\d+):\d+\] -A (\S+)/.exec(line) ?? [];
      if (packets === undefined) continue;
      const place = `${family} ${table} ${chain}`;
      const number = (numbers.get(place) ?? 0) + 1;
      numbers.set(place, number);
      if (packets !== '0') counts.set(`${place} ${number}`, Number(packets));
    }
  }
  return counts;
}

/** The rules that a trace says its packet matched. */
export function matchedIn({ steps, question }: Trace): Counts {
  const rules = steps.flatMap((step) =>
    step.kind === 'rule' && step.answer === 'matched'
      ? [`${question.packet.family} ${step.table} ${step.chain} ${step.number}`]
      : [],
  );
  return sum(rules.map((rule) => new Map([[rule, 1]])));
}

export function sum(many: readonly Counts[]): Counts {
  const total = new Map<string, number>();
  for (const counts of many) for (const [rule, count] of counts) total.set(rule, (total.get(rule) ?? 0) + count);
  return total;
}

/** What was counted between two readings. */
export const since = (before: Counts, after: Counts): Record<string, number> =>
  Object.fromEntries(
    [...after]
      .map(([rule, count]) => [rule, count - (before.get(rule) ?? 0)] as const)
      .filter(([, count]) => count !== 0)
      .sort(),
  );
