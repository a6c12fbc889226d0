// Makes sure that the system packages which the demo and the kernel tests need are there. As root with apt-get it
// installs what is missing and says so; otherwise it prints the command that would and exits 3. With `--pods`, as root,
// also what runs real pods: the tests that need it are for root alone.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const needed = [
  ['iptables', 'iptables'],
  ['iptables-legacy-restore', 'iptables'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['conntrack', 'conntrack'],
  ['ipset', 'ipset'],
];
const pods = [
  ['podman', 'podman'],
  ['runc', 'runc'],
  ['catatonit', 'catatonit'],
  ['netavark', 'netavark'],
  ['aardvark-dns', 'aardvark-dns'],
];
if (process.argv.includes('--pods') && process.getuid?.() === 0) needed.push(...pods);

const path = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  '/sbin',
  '/usr/bin',
  '/bin',
  '/usr/lib/podman',
  '/usr/libexec/podman',
];
const has = (command) =>
  path.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

if (process.platform !== 'linux') {
  console.error('sidestep: the demo and the kernel tests need Linux; reading rules from a file works everywhere.');
  process.exit(3);
}
const packages = [...new Set(needed.filter(([command]) => !has(command)).map(([, name]) => name))];
if (packages.length > 0) {
  const install = `apt-get update && apt-get install -y ${packages.join(' ')}`;
  if (process.getuid() !== 0 || !has('apt-get')) {
    const how = has('apt-get') ? `sudo sh -c '${install}'` : `install with your package manager: ${packages.join(' ')}`;
    console.error(`sidestep: missing system packages: ${packages.join(', ')}\n  ${how}`);
    process.exit(3);
  }
  console.error(`sidestep: installing missing system packages: ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const { status } = spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (status !== 0) {
      console.error(`sidestep: apt-get ${args[0]} failed. Try: ${install}`);
      process.exit(3);
    }
  }
}
