import { expect, test } from 'vitest';
import { TooComplex } from '../../src/analysis/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { randomRules } from '../kernel/differential/rules.ts';
import { seeded } from '../support/random.ts';
import { compare } from './agreement.ts';
import { HOSTS } from './hosts.ts';

/** How many packets are followed in all. */
const PACKETS = Number(process.env.PACKETS ?? 1_500);
const EACH = 100;

test('every set agrees with the trace of random packets, on random rules and machines', () => {
  let asked = 0;
  let complex = 0;
  for (let seed = 0; asked < PACKETS; seed += 1) {
    const random = seeded(seed);
    const family = random.pick(['ipv4', 'ipv4', 'ipv6'] as const);
    const name = random.pick(Object.keys(HOSTS));
    const text = randomRules(random, family);
    const rules = parseSave(text, { family, keepGoing: true });
    const snapshot = { ...HOSTS[name]!, held: rules.map((set) => ({ backend: 'nft' as const, rules: set })) };
    const direction = random.pick(['in', 'out'] as const);
    let result: ReturnType<typeof compare>;
    try {
      result = compare(snapshot, family, direction, random, EACH);
    } catch (error) {
      // That is an answer, too; it must not be the usual one.
      if (!(error instanceof TooComplex)) throw error;
      complex += 1;
      continue;
    }
    asked += result.asked;
    const { disagreement } = result;
    if (disagreement) {
      const packet = JSON.stringify(disagreement.question.packet, (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect.fail(
        `seed ${seed}, ${name}, ${direction}: traced ${disagreement.traced}, found ${disagreement.found}\n${packet}\n${text}`,
      );
    }
  }
  expect(asked).toBeGreaterThanOrEqual(PACKETS);
  expect(complex).toBeLessThan(1 + asked / EACH / 20);
}, 600_000);

test('so do those of a packet that a rule has given a zone, and that has no connection', () => {
  const text = [
    '*raw',
    '-A PREROUTING -j CT --zone 1',
    'COMMIT',
    '*nat',
    '-A INPUT -p udp -j SNAT --to-source 10.0.0.9',
    'COMMIT',
  ];
  const held = parseSave(`${text.join('\n')}\n`).map((rules) => ({ backend: 'nft' as const, rules }));
  expect(compare({ ...HOSTS.router!, held }, 'ipv4', 'out', seeded(1), 500).disagreement).toBeUndefined();
});
