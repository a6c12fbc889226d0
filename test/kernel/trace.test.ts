import { expect, test } from 'vitest';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { matchedIn, packetCounts, sum } from '../support/counters.ts';
import { type KernelCase, readKernelCases } from '../support/kernel-case.ts';
import { foretold, observed, openLaboratory, written } from '../support/observe.ts';

const cases = readKernelCases('kernel');

test('there are enough cases to mean something', () => {
  expect(cases.length).toBeGreaterThanOrEqual(30);
  expect(cases.reduce((count, { packets }) => count + packets.length, 0)).toBeGreaterThanOrEqual(200);
});

/** Real packets, and what the trace says of each: both in one line, so that a difference shows which packet it is. */
async function compare(from: KernelCase) {
  const laboratory = await openLaboratory(from);
  try {
    const trace = prepare(laboratory.snapshot, from.proxyPorts);
    const results = await Promise.all(
      from.packets.map(async ({ expression, line }) => {
        const told = trace(parseQuestion(expression, laboratory.snapshot));
        const answer = await laboratory.send(told);
        const place = `${from.file}:${line}: ${expression} = ${written(told.outcome)}: `;
        return {
          outcome: written(told.outcome),
          told: place + foretold(told),
          seen: place + observed(answer, told),
          trace: told,
        };
      }),
    );
    return { results, counted: packetCounts(laboratory.pod, from.backend) };
  } finally {
    laboratory.close();
  }
}

test.concurrent.for(cases)('$file: $title', async (from, { expect }) => {
  const { results, counted } = await compare(from);
  // The trace against the kernel, then against what the case says.
  expect(results.map(({ told }) => told)).toEqual(results.map(({ seen }) => seen));
  expect(results.map(({ outcome }) => outcome)).toEqual(from.packets.map(({ expected }) => expected));
  // nat is asked once a connection, so its counters tell exactly which rules matched, whatever else was sent.
  if (from.countsNat) expect(nat(sum(results.map(({ trace }) => matchedIn(trace))))).toEqual(nat(counted));
});

const nat = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].filter(([rule]) => / nat /.test(rule)).sort());
