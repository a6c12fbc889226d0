// An engine in front of two servers, whose kernel then has no memory for some of its calls: a filter of system calls (seccomp(2)) answers
// them with ENOMEM. Arguments: the engine's name, the servers' ports. Each line printed is what it tells.
import { createRequire } from 'node:module';
import { openListeners } from '../../dist/linux/socket/index.js';
import { epollEngine, netEngine, settingsOf } from '../../dist/proxy/index.js';
import { kernelSockets } from '../../dist/proxy/net-sockets.js';

const koffi = createRequire(import.meta.url)('koffi');
const libc = koffi.load(null);
const prctl = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
const syscall = libc.func('long syscall(long, unsigned int, unsigned int, const void *)');

/** Numbers of system calls. Source: asm/unistd.h. */
const CALLS =
  process.arch === 'arm64' ? { socket: 198, accept4: 242, seccomp: 277 } : { socket: 41, accept4: 288, seccomp: 317 };
const [NUMBER, FIRST_ARGUMENT] = [0, 16];

/** From now on, in all threads, a call with this first argument fails. Source: linux/filter.h, linux/seccomp.h. */
function failWithEnomem(call, argument) {
  const instruction = (code, yes, no, value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16LE(code, 0);
    bytes.set([yes, no], 2);
    bytes.writeUInt32LE(value, 4);
    return bytes;
  };
  const [load, equals, answer] = [0x20, 0x15, 0x06];
  const program = Buffer.concat([
    instruction(load, 0, 0, NUMBER),
    instruction(equals, 0, 3, CALLS[call]),
    instruction(load, 0, 0, FIRST_ARGUMENT),
    instruction(equals, 0, 1, argument),
    instruction(answer, 0, 0, 0x0005_0000 | 12),
    instruction(answer, 0, 0, 0x7fff_0000),
  ]);
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length / 8, 0);
  header.writeBigUInt64LE(BigInt(koffi.address(program)), 8);
  // PR_SET_NO_NEW_PRIVS; SECCOMP_SET_MODE_FILTER with SECCOMP_FILTER_FLAG_TSYNC.
  if (prctl(38, 1, 0, 0, 0) !== 0 || syscall(CALLS.seccomp, 1, 1, header) !== 0) throw new Error('no seccomp');
}

const [name, ...servers] = process.argv.slice(2);
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const hear = {
  ended: ({ flag, failure }) => tell({ flag, failure }),
  trouble: (what) => tell({ trouble: what }),
};
const TARGETS = [
  { family: 'ipv6', address: '::1', port: Number(servers[0]) },
  { family: 'ipv4', address: '127.0.0.1', port: Number(servers[1]) },
];
const ports = [];
const descriptors = [];
for (const to of TARGETS) {
  const engine =
    name === 'epoll'
      ? epollEngine({ workers: 1, original: () => to })
      : netEngine({ ...kernelSockets, originalDestination: () => to });
  const made = openListeners({ family: 'ipv4', address: '127.0.0.1', port: 0 }, false, 1, 64, () => {});
  const options = { takes: 'outbound', address: '127.0.0.1', port: made.port, transparent: false, maxConnections: 100 };
  await engine.open({ ...options, descriptors: made.descriptors }, settingsOf({}), hear);
  await engine.ready();
  ports.push(made.port);
  descriptors.push(made.descriptors[0]);
}
process.stdin.setEncoding('utf8').on('data', (asked) => {
  const before = process.cpuUsage();
  if (asked.startsWith('socket')) failWithEnomem('socket', 10);
  if (asked.startsWith('accept')) failWithEnomem('accept4', descriptors[0]);
  if (asked.startsWith('busy')) setTimeout(() => tell({ busy: process.cpuUsage(before).user / 1000 }), 500);
  else tell({ done: asked.trim() });
});
tell({ ports });
