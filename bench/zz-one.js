// Following packets to their ends, nothing explained (prepareEnd): packets a second of one core, as CPU time. Beside it, in the same
// run and for the same packets: with a sentence of why it ended there (prepareOutcome, what bypass and verify ask), the walk
// written down (prepare, what trace asks), and a loop over the same rules that knows nothing else. The packets are made before.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { parseSave } from '../dist/text/index.js';
import { prepare, prepareEnd, prepareOutcome } from '../dist/trace/index.js';
import { campus, departments } from './firewalls.js';
import { podQuestions, routerQuestions } from './packets.js';
import { plainLoop } from './plain-loop.js';

const ROUNDS = Number(process.argv[2] ?? 9);
const PACKETS = 2_000;
/** So many of them are also followed with every step written down, which is slow. */
const WRITTEN = 1000;
/** A round is long enough that compiling does not count. */
const PASSES = 50;
const OWN = 0x0a00_0005;
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** A host with its cards, and the routes of a router: a card for each quarter of 10.0.0.0/8, the rest by the first. */
function snapshot(text, networks) {
  const own = { family: 'ipv4', value: OWN, length: 24, secondary: false, scope: 'global' };
  const card = (name, index, addresses) => ({ name, index, up: true, addresses });
  const loopback = { family: 'ipv4', value: 0x7f00_0001, length: 8, secondary: false, scope: 'host' };
  const route = (destination, length, device, more = {}) => ({
    ...{ family: 'ipv4', table: 254, kind: 'unicast', destination, length, device, metric: 0 },
    ...more,
  });
  const inside = Array.from({ length: networks }, (_, n) => n);
  const listener = { family: 'ipv4', protocol: 'tcp', address: 0 };
  return {
    origin: 'bench',
    held: [{ backend: 'nft', rules: parseSave(text)[0] }],
    native: [],
    interfaces: [
      card('lo', 1, [loopback]),
      card('eth0', 2, [own]),
      ...inside.map((n) => card(`eth${n + 1}`, n + 3, [])),
    ],
    routes: [
      route(0, 0, 'eth0', { gateway: 0x0a00_0001 }),
      route(0x0a00_0000, 24, 'eth0'),
      ...inside.map((n) => route(0x0a00_0000 + n * 0x40_0000, 10, `eth${n + 1}`)),
    ],
    routingRules: [0, 32766, 32767].map((priority, at) => ({ family: 'ipv4', priority, table: 255 - at })),
    listeners: [15001, 15006, 8080, 22].map((port) => ({ ...listener, port })),
    sysctls: { ipForward: networks > 0, routeLocalnet: [], rpFilter: [] },
  };
}

/** Istio's rules as `sidestep init` writes them. */
function istio() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const flags = ['--dialect', 'istio', '-b', '*', '-i', '*', '-d', '15090,15021,15020', '-u', '1337', '-g', '1337'];
  const args = [`${root}bin/sidestep.js`, 'init', ...flags, '--dry-run', '-o', 'save', '--family', 'ipv4'];
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
}

/** CPU microseconds a packet, of so many passes over all of them. */
function spent(follow, questions, passes) {
  const before = process.cpuUsage();
  for (let pass = 0; pass < passes; pass += 1) for (const question of questions) follow(question);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (questions.length * passes);
}

/** The hook at which most of a rule set's rules are, as the loop needs it told, and by which card the packet leaves. */
const looped = (text, out) => {
  const loop = plainLoop(text);
  return ({ direction, packet }) =>
    out
      ? loop('FORWARD', { ...packet, out: out(packet) })
      : loop(direction === 'in' ? 'PREROUTING' : 'OUTPUT', {
          ...packet,
          out: packet.source === packet.destination ? 'lo' : 'eth0',
        });
};
const cardTowards = ({ destination }) => (destination >>> 24 === 10 ? `eth${1 + ((destination >>> 22) & 3)}` : 'eth0');

const QUESTIONS = { pod: podQuestions, router: routerQuestions };
const LISTENING = [15001, 15006];

const CONTENDERS = {
  end: ({ held }) => prepareEnd(held, LISTENING),
  outcome: ({ held }) => prepareOutcome(held, LISTENING),
  written: ({ held }) => prepare(held, LISTENING),
  loop: ({ text, forwards }) => looped(text, forwards && cardTowards),
};

/** One contender in a thread of its own: what is compiled for one is not made slower by another. A round for each message. */
function contend({ text, asked, contender }) {
  const forwards = asked === 'router';
  const follow = CONTENDERS[contender]({ held: snapshot(text, forwards ? 4 : 0), text, forwards });
  const questions = QUESTIONS[asked](text, OWN, PACKETS);
  parentPort.on('message', () => {
    const [some, passes] = contender === 'written' ? [questions.slice(0, WRITTEN), 1] : [questions, PASSES];
    const ends = {};
    const each = spent(follow, some, passes);
    if (contender === 'end')
      for (const question of questions) {
        const { kind } = follow(question);
        ends[kind] = (ends[kind] ?? 0) + 1;
      }
    parentPort.postMessage({ each, ends });
  });
}

async function round(worker) {
  worker.postMessage('go');
  const [done] = await once(worker, 'message');
  return done;
}

async function compare({ name, text, asked }) {
  const workers = Object.keys(CONTENDERS).map((contender) => ({
    contender,
    times: [],
    worker: new Worker(new URL(import.meta.url), { workerData: { text, asked, contender } }),
  }));
  let ends = {};
  for (let number = -2; number < ROUNDS; number += 1)
    for (const { contender, times, worker } of workers) {
      const done = await round(worker);
      if (contender === 'end') ends = done.ends;
      if (number >= 0) times.push(done.each);
    }
  await Promise.all(workers.map(({ worker }) => worker.terminate()));
  const times = Object.fromEntries(workers.map((one) => [one.contender, one.times]));
  const perSecond = (each) => Math.round(1e6 / each).toLocaleString('en');
  const ratio = (other) => (median(times[other]) / median(times.end)).toFixed(2);
  const shares = Object.entries(ends)
    .sort((a, b) => b[1] - a[1])
    .map(([kind, count]) => `${kind} ${Math.round((count / PACKETS) * 100)} %`);
  console.log(
    name.padEnd(22),
    String(text.match(/^-A/gm).length).padStart(6),
    perSecond(median(times.end)).padStart(11),
    perSecond(Math.min(...times.end)).padStart(12),
    ratio('outcome').padStart(10),
    ratio('written').padStart(16),
    ratio('loop').padStart(18),
    `  ${shares.join(', ')}`,
  );
}


const text = istio();
const follow = CONTENDERS.end({ held: snapshot(text, 0), text });
const questions = podQuestions(text, OWN, PACKETS);
const times=[];
for (let r=0;r<Number(process.argv[2]??12);r++) times.push(spent(follow, questions, 50));
console.log(times.map(t=>Math.round(1000/t)).join(' '), 'k/s median', Math.round(1000/median(times)));
