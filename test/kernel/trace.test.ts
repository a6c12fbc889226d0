import { expect, test } from 'vitest';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { type KernelCase, readKernelCases } from '../support/kernel-case.ts';
import { foretold, observed, openLaboratory, written } from '../support/observe.ts';

const cases = readKernelCases();

test('there are enough cases to mean something', () => {
  expect(cases.length).toBeGreaterThanOrEqual(30);
  expect(cases.reduce((sum, { packets }) => sum + packets.length, 0)).toBeGreaterThanOrEqual(200);
});

/** Real packets, and what the trace says of each: both in one line, so that a difference shows which packet it is. */
async function compare(from: KernelCase): Promise<{ readonly told: string[]; readonly seen: string[] }> {
  const laboratory = await openLaboratory(from);
  try {
    const trace = prepare(laboratory.snapshot, from.proxyPorts);
    const results = await Promise.all(
      from.packets.map(async ({ expression, line }) => {
        const told = trace(parseQuestion(expression, laboratory.snapshot));
        const answer = await laboratory.send(told);
        const place = `${from.file}:${line}: ${expression} = ${written(told.outcome)}: `;
        return { told: place + foretold(told), seen: place + observed(answer, told) };
      }),
    );
    return { told: results.map(({ told }) => told), seen: results.map(({ seen }) => seen) };
  } finally {
    laboratory.close();
  }
}

test.concurrent.for(cases)('$title', async (from, { expect }) => {
  const { told, seen } = await compare(from);
  // The trace against the kernel, then both against what the case says.
  expect(told).toEqual(seen);
  expect(told.map((line) => line.split(' = ')[1]?.split(': ')[0])).toEqual(
    from.packets.map(({ expected }) => expected),
  );
});
