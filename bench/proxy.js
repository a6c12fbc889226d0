// Proxies beside each other: direct, Sidestep, Envoy, HAProxy, nginx, all between two namespaces on a veth, inbound, turned to the proxy by
// a REDIRECT. They take turns within each round, and only ratios within a round count. What is not installed is left out by name.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CONTENDERS } from './proxy/contenders.js';
import { cpuOf, memoryOf, threadsOf } from './proxy/cost.js';
import { DIRECT, openStage } from './proxy/stage.js';
import { goals, table } from './proxy/table.js';
import './environment.js';

const HELP = `npm run bench:proxy -- [--rounds N] [--only NAME,…] [--connections N] [--json]

  --rounds N        rounds, each contender once a round (5)
  --only NAME,…     contenders whose names begin so, besides the way without a proxy
  --connections N   idle connections whose memory is measured (4000)
  --json            every number of every round, too
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    connections: { type: 'string', default: '4000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const MB = 1e6;
const BULK = { bulk1: { connections: 1, bytes: 768 * MB }, bulk4: { connections: 4, bytes: 256 * MB } };
const FIRST_PORT = 8081;
const OWN_PORT = 15101;
/** Ports beside those, for a proxy that is started to see how long that takes. */
const AGAIN = 100;

const folder = mkdtempSync(`${tmpdir()}/sidestep-bench-`);
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

function chosen() {
  const wanted = values.only?.split(',');
  return CONTENDERS.filter((each) => {
    if (wanted && !wanted.some((name) => each.name.toLowerCase().startsWith(name.toLowerCase()))) return false;
    const how = each.missing();
    if (how !== undefined) process.stderr.write(`${each.name} is left out, it is not installed: ${how}\n`);
    return how === undefined;
  }).map((contender, at) => ({ contender, port: FIRST_PORT + at, own: OWN_PORT + at }));
}

/** Binds a process and all its threads to processors. */
const pin = (pids, to) => {
  for (const pid of pids) for (const thread of threadsOf(pid)) spawnSync('taskset', ['-p', '-c', to, String(thread)]);
};

async function main() {
  const players = chosen();
  const stage = await openStage(
    players.flatMap(({ port, own }) => [
      [port, own],
      [port + AGAIN, own + AGAIN],
    ]),
  );
  const start = (contender, port) => {
    const child = stage.pod.start(contender.command(port, folder));
    child.stdout?.resume();
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-2000);
    });
    child.once('exit', (code) => {
      if (code !== null && code !== 0) process.stderr.write(`${contender.name} ended with ${code}: ${said}\n`);
    });
    return child;
  };
  const results = new Map([['direct', []], ...players.map(({ contender }) => [contender.name, []])]);
  try {
    for (const player of players) {
      player.child = start(player.contender, player.own);
      await stage.ask({ what: 'first', port: player.port, within: 10_000 });
      player.memory = memoryOf(player.child.pid);
      await stage.ask({ what: 'idle', port: player.port, connections: Number(values.connections) });
      await sleep(300);
      player.idle = (memoryOf(player.child.pid).own - player.memory.own) / Number(values.connections);
      await stage.ask({ what: 'release' });
      await sleep(300);
    }
    for (let round = -1; round < Number(values.rounds); round += 1) {
      const turn = [{ port: DIRECT, contender: { name: 'direct' } }, ...players];
      // Each round begins with another one.
      for (let at = 0; at < turn.length; at += 1) {
        const player = turn[(at + Math.max(0, round)) % turn.length];
        process.stderr.write(
          `\r${`round ${Math.max(0, round + 1)}/${values.rounds}: ${player.contender.name}`.padEnd(60)}`,
        );
        const measured = await measure(stage, player, start);
        if (round >= 0) results.get(player.contender.name).push(measured);
      }
    }
  } finally {
    process.stderr.write(`\r${''.padEnd(60)}\r`);
    for (const { contender, child } of players) child?.kill(contender.end);
    stage.close();
  }
  const own = [...results.keys()].find((name) => name.startsWith('Sidestep'));
  process.stdout.write(`${table(results)}\n`);
  if (own) process.stdout.write(`\n${goals(results, own)}\n`);
  if (values.json) process.stdout.write(`\n${JSON.stringify(Object.fromEntries(results))}\n`);
}

async function measure(stage, { contender, port, own, child, memory, idle }, start) {
  const spent = async (order) => {
    const before = child ? cpuOf(child.pid) : 0;
    const answer = await stage.ask({ port, ...order });
    return { ...answer, cpu: child ? cpuOf(child.pid) - before : 0 };
  };
  const result = { memory: memory ?? { rss: Number.NaN, own: Number.NaN }, idle: idle ?? Number.NaN };
  for (const [name, order] of Object.entries(BULK))
    result[name] = { ...(await spent({ what: 'bulk', ...order })), gigabytes: (order.connections * order.bytes) / 1e9 };
  const everyone = [stage.backend.pid, stage.load.pid, ...(child ? [child.pid] : [])];
  pin(everyone, '0');
  result.pinned = await spent({ what: 'messages', connections: 1, ms: 700 });
  pin(everyone, ALL);
  result.requests = await spent({ what: 'messages', connections: 50, ms: 1200 });
  result.churn = await spent({ what: 'churn', connections: 32, ms: 1200 });
  result.first = child ? await fromNothing(stage, contender, port + AGAIN, own + AGAIN, start) : Number.NaN;
  return result;
}

const ALL =
  spawnSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' })
    .stdout.split(':')
    .pop()
    ?.trim() ?? '0';

/** Milliseconds from exec to the first byte that came through. */
async function fromNothing(stage, contender, port, own, start) {
  const child = start(contender, own);
  const { ms } = await stage.ask({ what: 'first', port, within: 10_000 });
  child.kill(contender.end);
  await sleep(50);
  return ms;
}

if (values.help) process.stdout.write(HELP);
else await main();
