import { seeded } from '../../support/random.ts';
import { Aim } from './aim.ts';
import { eventText } from './compare.ts';
import { readWorld, WORLDS } from './machine.ts';
import { randomRules } from './rules.ts';
import { Differs, openSession, type Session } from './session.ts';

const bases = await Promise.all([]);
const worlds = [];
for (const world of WORLDS) worlds.push({ world, base: await readWorld(world) });
const [from = 1, count = 20, packets = 200] = process.argv.slice(2).map(Number);
const total = { refused: 0, agreed: 0, part: 0, differs: 0, silent: 0 };
const signs = new Map<string, number>();
const begun = Date.now();
for (let seed = from; seed < from + count; seed += 1) {
  const random = seeded(seed);
  const family = random.oneIn(3) ? 'ipv6' : 'ipv4';
  const { world, base } = random.pick(worlds);
  const text = randomRules(random, family);
  let session: Session;
  try {
    session = openSession(world, base, family, text);
  } catch (error) {
    total.refused += 1;
    console.log(String((error as Error).message).slice(0, 300));
    continue;
  }
  const aim = new Aim(random, session.rules);
  for (let sent = 0; sent < packets; sent += 1) {
    let probe = aim.probe();
    let fresh = session.isNew(probe);
    for (let tries = 0; tries < 5 && !fresh; tries += 1) {
      probe = aim.probe();
      fresh = session.isNew(probe);
    }
    if (!fresh) continue;
    const [account] = session.send([probe]);
    if (account!.events.length === 0) total.silent += 1;
    try {
      if (session.compare(probe, account!)) total.agreed += 1;
      else total.part += 1;
    } catch (error) {
      if (!(error instanceof Differs)) throw error;
      total.differs += 1;
      const sign = `${family} ${error.kernel} | ${error.sidestep}`
        .replace(/[0-9a-f.:]*[0-9][0-9a-f.:x]*/g, 'N')
        .replace(/ISTIO_\w+|LOGGING|a-b/g, 'C');
      signs.set(sign, (signs.get(sign) ?? 0) + 1);
      if (signs.get(sign) !== 1) continue;
      const shown = JSON.stringify(probe, (_, value) => (typeof value === 'bigint' ? value.toString(16) : value));
      console.log(
        `--- seed ${seed} ${family} ${world.name} ${shown}\n${account!.events.map((event) => `  ${eventText(event, session.names)}\n`).join('')}`,
      );
      console.log(`${error.message} at ${error.agreed}`);
      for (const side of [error.kernel, error.sidestep]) {
        const [, table, chain, number] = /(raw|mangle|nat|filter|security) ([\w-]+):? ?(\d*)/.exec(side) ?? [];
        if (!table) continue;
        const rules = text
          .slice(text.indexOf(`*${table}\n`))
          .split('COMMIT')[0]!
          .split('\n')
          .filter((line) => line.startsWith(`-A ${chain} `));
        console.log(number ? rules[Number(number) - 1] : rules.join('\n'));
      }
    }
  }
  session.close();
}
console.log(bases.length, total, (Date.now() - begun) / 1000);
for (const [sign, times] of [...signs].sort((a, b) => b[1] - a[1])) console.log(times, sign);
