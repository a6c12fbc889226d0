// All packets at once: from the text of a large firewall to the answer, reading it included. Each measurement is a process of its
// own, which has loaded the program as the command does, with V8's code cache, and has asked nothing yet. The best of a few rounds
// counts, in milliseconds of wall time and of CPU time (the threads of the compiler and the collector counted), the most memory that
// the process held by then, and the wall time where the same process is asked again. Against what is stated beside each.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { campusFirewall } from './campus.js';
import { kubeNode } from './kube-node.js';
import './environment.js';

const [how, one] = process.argv.slice(2);
// Loaded as these commands load it.
process.argv[2] = 'audit';
const { folder, load } = createRequire(import.meta.url)('../bin/load.js');
load('main.cjs');

/** A function of the program, by the beginning of its file's name and its own. What is loaded as a whole is an object. */
function ofProgram(file, name) {
  const files = readdirSync(folder).filter((one) => one.startsWith(`${file}-`) && one.endsWith('.cjs'));
  const exported = files.flatMap((one) => Object.values(load(one)));
  return exported.find((one) => one.name === name) ?? exported.find((one) => name in one)?.[name];
}

const [parseSave, KnownRules] = ['parseSave', 'KnownRules'].map((name) => ofProgram('text', name));
const [boxesOf, deadRules, difference, reach] = ['boxesOf', 'deadRules', 'difference', 'reach'].map((name) =>
  ofProgram('analysis', name),
);

const story = readFileSync(new URL('../docs/examples/post-2018.rules', import.meta.url), 'utf8');
const BYPASS = '-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN\n';

const side = (text, family, known) => ({
  snapshot: { origin: 'bench', held: parseSave(text, { family, known }).map((rules) => ({ backend: 'nft', rules })) },
  proxyPorts: [15001],
});

/** Two rule sets, read as the command diff reads them. */
function sides(before, after) {
  const known = new KnownRules();
  return [side(before, 'ipv4', known), side(after, 'ipv4', known)];
}

const accepted = (text, family) =>
  reach(side(text, family), family, 'in').filter(({ end }) => end.kind === 'forwarded');

const AGAIN = 4;

/** By name: what is prepared (not measured), what is measured, and what it is to take. */
const CASES = {
  'accept set of FORWARD, 5,500 rules, IPv4': [() => campusFirewall(5_500), (text) => accepted(text, 'ipv4'), 150, 100],
  'accept set of FORWARD, 6,200 rules, IPv6': [
    () => campusFirewall(6_200, { family: 'ipv6' }),
    (text) => accepted(text, 'ipv6'),
    250,
    150,
  ],
  'diff of two, a year apart, grouped': [
    () => [campusFirewall(5_500), campusFirewall(5_500, { year: 1 })],
    ([before, after]) => difference(...sides(before, after), 'ipv4', 'in').map(({ surely }) => boxesOf(surely)),
    300,
  ],
  'dead rules, each with what shadows it': [
    () => campusFirewall(5_500),
    (text) => deadRules(side(text, 'ipv4'), 'ipv4'),
    500,
  ],
  "proof of a bypass on Istio's rules": [
    () => [story, story.replace('-A PREROUTING', `${BYPASS}-A PREROUTING`)],
    ([before, after]) => {
      const both = sides(before, after);
      return ['in', 'out'].map((way) => difference(...both, 'ipv4', way));
    },
    20,
  ],
  ...Object.fromEntries(
    [100, 300, 1_000].map((services) => [
      `a Kubernetes node of ${services.toLocaleString('en')} services, all ends`,
      [() => kubeNode(services, 3), (text) => ['in', 'out'].map((way) => reach(side(text, 'ipv4'), 'ipv4', way))],
    ]),
  ),
  ...Object.fromEntries(
    [500, 1_000, 2_000, 5_000, 10_000, 20_000].map((rules) => [
      `accept set, ${rules.toLocaleString('en')} rules`,
      [() => campusFirewall(rules), (text) => accepted(text, 'ipv4')],
    ]),
  ),
};

function measure(name) {
  const [prepare, run] = CASES[name];
  const given = prepare();
  const [wall, cpu] = [process.hrtime.bigint(), process.cpuUsage()];
  run(given);
  const { user, system } = process.cpuUsage(cpu);
  const milliseconds = Number(process.hrtime.bigint() - wall) / 1e6;
  const megabytes = process.resourceUsage().maxRSS / 1024;
  return { wall: milliseconds, cpu: (user + system) / 1000, megabytes, again: quickest(run, given) };
}

/** The same asked a few times more: how much of the first time is the program's own, which nothing has run before. */
function quickest(run, given) {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < AGAIN; round += 1) {
    const begin = process.hrtime.bigint();
    run(given);
    least = Math.min(least, Number(process.hrtime.bigint() - begin) / 1e6);
  }
  return least;
}

if (how === '--one') {
  console.log(JSON.stringify(measure(one)));
} else {
  const rounds = Number(how ?? 5);
  console.log(`${'question'.padEnd(50)}  ms wall   ms CPU       MB    again   to be at most`);
  for (const [name, [, , most, room]] of Object.entries(CASES)) {
    const taken = Array.from({ length: rounds }, () =>
      JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--one', name], { encoding: 'utf8' })),
    );
    const least = (key) => Math.min(...taken.map((one) => one[key])).toFixed(0);
    const stated = most === undefined ? '' : `${most} ms${room === undefined ? '' : `, ${room} MB`}`;
    const figures = ['wall', 'cpu', 'megabytes', 'again'].map((key) => least(key).padStart(7)).join('  ');
    console.log(`${name.padEnd(50)}  ${figures}   ${stated}`);
  }
}
