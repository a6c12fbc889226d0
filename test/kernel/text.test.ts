import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES, type Family } from '../../src/address/index.ts';
import type { Backend } from '../../src/netfilter/index.ts';
import { parseSave, printSave } from '../../src/text/index.ts';
import { openScratch, type Scratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
import { randomSave } from '../support/random-rules.ts';

const BACKENDS: readonly Backend[] = ['nft', 'legacy'];
const COMBINATIONS = FAMILIES.flatMap((family) => BACKENDS.map((backend) => ({ family, backend })));

const tool = (family: Family, backend: Backend, what: 'restore' | 'save'): string =>
  `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-${what}`;

const withoutComments = (text: string): string => text.replace(/^#.*\n/gm, '');

let scratch: Scratch;
beforeAll(async () => {
  scratch = await openScratch();
});
afterAll(() => scratch.close());

describe.for(COMBINATIONS)('$family, $backend', ({ family, backend }) => {
  test('random rule sets print as the kernel reprints them', async () => {
    for (let seed = 1; seed <= Number(process.env.SEEDS ?? 25); seed += 1) {
      const input = randomSave(seeded(seed), family);
      const fresh = await scratch.beside();
      try {
        const done = fresh.run([tool(family, backend, 'restore')], { input });
        if (done.status !== 0) throw new Error(`seed ${seed}: ${done.stderr}\n${input}`);
        const saved = fresh.must([tool(family, backend, 'save')]);
        const kernel = withoutComments(saved);
        // Legacy lists tables in the order of its own memory, newest first.
        const [fromInput] = parseSave(input, { family });
        const ours = backend === 'nft' ? fromInput! : { ...fromInput!, tables: fromInput!.tables.toReversed() };
        expect(printSave(ours, { backend }), `seed ${seed}, from the input`).toBe(kernel);
        const [fromKernel] = parseSave(saved);
        expect(printSave(fromKernel!, { backend }), `seed ${seed}, from the kernel's text`).toBe(kernel);
        expect(fromKernel!.family).toBe(family);
      } finally {
        fresh.close();
      }
    }
  });
});
