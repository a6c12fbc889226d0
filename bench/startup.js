// What a command costs beside what it cannot avoid, as ratios within one run, the contenders alternating.
//   trace   `sidestep trace` on Istio's rules from a file, against `node -e 0`
//   read    all that decides a packet's fate in a namespace, in this process, against `iptables-save` alone
//   init    `sidestep init` in a fresh namespace, against `iptables-restore` of the same rules (and `node -e 0`)
// The machine's speed drifts, so the medians of pairs count. The bound is that of the design: trace within
// 1.5 × node + 60 ms, init within node + 2 × restore + 40 ms.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openNamespace, openScratch, readSnapshot } from '../dist/linux/index.js';
import './environment.js';

const ROUNDS = Number(process.argv[2] ?? 15);
const root = fileURLToPath(new URL('..', import.meta.url));
const sidestep = `${root}bin/sidestep.js`;
const INIT = [
  'init',
  '--dialect',
  'istio',
  '-b',
  '*',
  '-i',
  '*',
  '-d',
  '15090,15021,15020',
  '-u',
  '1337',
  '-g',
  '1337',
];

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
function timed(file, args, options = {}) {
  const start = process.hrtime.bigint();
  const done = spawnSync(file, args, { stdio: ['pipe', 'ignore', 'pipe'], ...options });
  const spent = Number(process.hrtime.bigint() - start) / 1e6;
  if (done.status !== 0) throw new Error(`${[file, ...args].join(' ')}: ${done.stderr}`);
  return spent;
}

const node = () => timed(process.execPath, ['-e', '0']);
const trace = () =>
  timed(process.execPath, [sidestep, 'trace', 'in tcp/8888', '--from', `${root}docs/examples/post-2018.rules`]);

async function inFresh(command, args, input) {
  const scratch = await openScratch();
  try {
    const [file, ...enter] = [...scratch.enter, command, ...args];
    return timed(file, enter, { input: input ?? '' });
  } finally {
    scratch.close();
  }
}
async function reading() {
  const scratch = await openScratch();
  try {
    const namespace = openNamespace({ pid: scratch.pid });
    const begun = process.hrtime.bigint();
    await readSnapshot(namespace);
    return Number(process.hrtime.bigint() - begun) / 1e6;
  } finally {
    scratch.close();
  }
}
const rules = spawnSync(process.execPath, [sidestep, ...INIT, '--dry-run', '-o', 'save', '--family', 'ipv4'], {
  encoding: 'utf8',
}).stdout;
// Without the built-in chains' policy lines, as `init` itself writes: they make iptables-nft-restore slow.
const script = rules.replace(/^:(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) .*\n/gm, '');

const rows = { node: [], trace: [], save: [], read: [], restore: [], init: [] };
for (let round = -1; round < ROUNDS; round += 1) {
  const times = {
    node: node(),
    trace: trace(),
    save: await inFresh('iptables-save', []),
    read: await reading(),
    restore: await inFresh('iptables-restore', ['--noflush'], script),
    init: await inFresh(process.execPath, [sidestep, ...INIT]),
  };
  if (round >= 0) for (const [name, spent] of Object.entries(times)) rows[name].push(spent);
}
for (const [name, times] of Object.entries(rows))
  console.log(`${name.padEnd(8)} median ${median(times).toFixed(1)} ms`);
const pair = (value) => median(rows.node.map((_, round) => value(round)));
console.log(
  `trace    ${pair((r) => rows.trace[r] / rows.node[r]).toFixed(2)} × node; ` +
    `${pair((r) => rows.trace[r] - 1.5 * rows.node[r]).toFixed(1)} ms above 1.5 × node (bound 60)`,
);
console.log(`read     ${pair((r) => rows.read[r] / rows.save[r]).toFixed(1)} × iptables-save`);
console.log(
  `init     ${pair((r) => rows.init[r] / rows.restore[r]).toFixed(2)} × restore; ` +
    `${pair((r) => rows.init[r] - rows.node[r] - 2 * rows.restore[r]).toFixed(1)} ms above node + 2 × restore (bound 40)`,
);
