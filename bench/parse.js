// Reading iptables-save text: megabytes a second of this thread, and memory by the size of the text. Against the tool itself:
// `iptables-legacy-restore --test`, which reads the same text and throws it away. The two alternate; medians count.
import { spawnSync } from 'node:child_process';
import { parseSave } from '../dist/text/index.js';
import { campus, services } from './firewalls.js';

const ROUNDS = Number(process.argv[2] ?? 9);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const seconds = ({ user, system }) => (user + system) / 1e6;

/** CPU seconds of this process. */
function parsed(text) {
  const before = process.cpuUsage();
  parseSave(text);
  return seconds(process.cpuUsage(before));
}

/** Wall seconds of the tool, in a network namespace of its own. */
function restored(text) {
  const begun = process.hrtime.bigint();
  const done = spawnSync('unshare', ['--net', 'iptables-legacy-restore', '--test'], { input: text, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr || String(done.error));
  return Number(process.hrtime.bigint() - begun) / 1e9;
}

/** Bytes that the rule sets of a text take. */
function held(text) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const rules = parseSave(text);
  globalThis.gc();
  const after = process.memoryUsage().heapUsed;
  return rules.length > 0 ? after - before : 0;
}

console.log('text                       MB   MB/s   × iptables-legacy-restore --test   memory × text');
for (const [name, text] of [
  ['campus firewall', campus(60_000)],
  ['5,500-rule firewall', campus(5_500)],
  ['Kubernetes services', services(10_000)],
]) {
  const size = Buffer.byteLength(text) / 1e6;
  for (let round = 0; round < 5; round += 1) parsed(text);
  const [ours, theirs] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(parsed(text));
    if (process.getuid() === 0) theirs.push(restored(text));
  }
  const ratio = theirs.length > 0 ? (median(theirs) / median(ours)).toFixed(1) : '(needs root)';
  const memory = globalThis.gc ? (held(text) / (size * 1e6)).toFixed(1) : '(node --expose-gc)';
  const columns = [name.padEnd(22), size.toFixed(1).padStart(6), (size / median(ours)).toFixed(1).padStart(6)];
  console.log(columns.join(' '), String(ratio).padStart(20), String(memory).padStart(27));
}
