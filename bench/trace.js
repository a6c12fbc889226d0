// Following packets without writing the walk down: packets a second of one core, as CPU time. Beside it, in the same run and for
// the same packets: the walk written down, and a loop over the same rules that knows nothing else. The packets are made before.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseSave } from '../dist/text/index.js';
import { prepare, prepareOutcome } from '../dist/trace/index.js';
import { campus, departments } from './firewalls.js';
import { podQuestions, routerQuestions } from './packets.js';
import { plainLoop } from './plain-loop.js';

const ROUNDS = Number(process.argv[2] ?? 9);
const PACKETS = 2_000;
/** So many of them are also followed with every step written down, which is slow. */
const WRITTEN = 1000;
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

/** CPU microseconds a packet. */
function spent(follow, questions) {
  const before = process.cpuUsage();
  for (const question of questions) follow(question);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / questions.length;
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

const CASES = [
  { name: "Istio's rules", text: istio(), networks: 0, questions: podQuestions },
  { name: 'campus, a chain a host', text: campus(5000), networks: 4, questions: routerQuestions, out: cardTowards },
  { name: 'campus, nested chains', text: departments(5000), networks: 4, questions: routerQuestions, out: cardTowards },
];

console.log('rules                   count   packets/s   × written down   × the plain loop   where they end');
for (const { name, text, networks, questions: make, out } of CASES) {
  const held = snapshot(text, networks);
  const questions = make(text, OWN, PACKETS);
  const contenders = {
    outcome: prepareOutcome(held, [15001, 15006]),
    written: prepare(held, [15001, 15006]),
    loop: looped(text, out),
  };
  const times = { outcome: [], written: [], loop: [] };
  for (let round = -2; round < ROUNDS; round += 1)
    for (const [contender, follow] of Object.entries(contenders)) {
      const each = spent(follow, contender === 'written' ? questions.slice(0, WRITTEN) : questions);
      if (round >= 0) times[contender].push(each);
    }
  const ends = new Map();
  for (const question of questions) {
    const { kind } = contenders.outcome(question);
    ends.set(kind, (ends.get(kind) ?? 0) + 1);
  }
  const ratio = (other) => (median(times[other]) / median(times.outcome)).toFixed(2);
  const shares = [...ends]
    .sort((a, b) => b[1] - a[1])
    .map(([kind, count]) => `${kind} ${Math.round((count / PACKETS) * 100)} %`);
  console.log(
    name.padEnd(22),
    String(text.match(/^-A/gm).length).padStart(6),
    Math.round(1e6 / median(times.outcome))
      .toLocaleString('en')
      .padStart(11),
    ratio('written').padStart(16),
    ratio('loop').padStart(18),
    `  ${shares.join(', ')}`,
  );
}
