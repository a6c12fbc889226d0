import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { MissingPackage } from './refusal.ts';

/** The commands of the system that Sidestep calls. */
export type Tool =
  | 'iptables-save'
  | 'iptables-nft-save'
  | 'iptables-legacy-save'
  | 'iptables-restore'
  | 'iptables-nft-restore'
  | 'iptables-legacy-restore'
  | 'ip6tables-save'
  | 'ip6tables-nft-save'
  | 'ip6tables-legacy-save'
  | 'ip6tables-restore'
  | 'ip6tables-nft-restore'
  | 'ip6tables-legacy-restore'
  | 'ip'
  | 'ss'
  | 'nft'
  | 'conntrack'
  | 'ipset'
  | 'nsenter'
  | 'unshare'
  | 'setpriv'
  | 'sh';

/** Where a distribution's package manager has them. */
interface Distribution {
  /** What os-release's ID or ID_LIKE names. */
  readonly ids: readonly string[];
  readonly install: string;
  /** Packages by the command that is looked for; the longest prefix of the command's name counts. */
  readonly packages: Readonly<Record<string, string>>;
}

const DEBIAN: Distribution = {
  ids: ['debian', 'ubuntu'],
  install: 'apt-get update && apt-get install -y',
  packages: {
    ip: 'iproute2',
    iptables: 'iptables',
    ip6tables: 'iptables',
    ss: 'iproute2',
    nft: 'nftables',
    conntrack: 'conntrack',
    ipset: 'ipset',
    nsenter: 'util-linux',
    unshare: 'util-linux',
    setpriv: 'util-linux',
    sh: 'dash',
  },
};

const DISTRIBUTIONS: readonly Distribution[] = [
  DEBIAN,
  {
    ids: ['fedora', 'rhel', 'centos', 'amzn'],
    install: 'dnf install -y',
    packages: {
      ...DEBIAN.packages,
      ip: 'iproute',
      ss: 'iproute',
      sh: 'bash',
      iptables: 'iptables-nft',
      ip6tables: 'iptables-nft',
      'iptables-legacy': 'iptables-legacy',
      'ip6tables-legacy': 'iptables-legacy',
      conntrack: 'conntrack-tools',
    },
  },
  {
    ids: ['alpine'],
    install: 'apk add',
    packages: {
      ...DEBIAN.packages,
      ip: 'iproute2',
      ss: 'iproute2-ss',
      'iptables-legacy': 'iptables-legacy',
      'ip6tables-legacy': 'iptables-legacy',
      conntrack: 'conntrack-tools',
      setpriv: 'setpriv',
      sh: 'busybox',
    },
  },
  {
    ids: ['arch'],
    install: 'pacman -S',
    packages: {
      ...DEBIAN.packages,
      iptables: 'iptables-nft',
      ip6tables: 'iptables-nft',
      conntrack: 'conntrack-tools',
      sh: 'bash',
    },
  },
  {
    ids: ['suse', 'opensuse', 'sles'],
    install: 'zypper install',
    packages: { ...DEBIAN.packages, conntrack: 'conntrack-tools', sh: 'bash' },
  },
];

/** Where system administration commands are when PATH is an ordinary user's. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** PATH as it is searched here and handed to every command. */
export const searchPath = (): string => folders().join(delimiter);

const folders = (): readonly string[] => [
  ...new Set([...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...SYSTEM_FOLDERS]),
];

/** Those that were found, by PATH and name. */
const found = new Map<string, string>();

/** The full path of a command, or undefined when it is not installed. */
export function findTool(name: Tool): string | undefined {
  const key = `${process.env.PATH} ${name}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  const path = folders()
    .map((folder) => `${folder}/${name}`)
    .find(isProgram);
  if (path !== undefined) found.set(key, path);
  return path;
}

/** Asked first whether it is there at all: an error thrown for every folder without it takes longer than all the rest. */
function isProgram(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The full path of a command. Throws MissingPackage with the command that installs it. */
export function demandTool(name: Tool): string {
  const path = findTool(name);
  if (path === undefined) throw new MissingPackage(`${name} is not installed`, installHint([name]));
  return path;
}

/**
 * Throws MissingPackage where one of the tools is not installed: all that are missing, and the one command that installs
 * their packages.
 */
export function demandTools(tools: readonly Tool[]): void {
  const missing = tools.filter((tool) => findTool(tool) === undefined);
  if (missing.length === 0) return;
  const are = missing.length === 1 ? 'is' : 'are';
  throw new MissingPackage(`${missing.join(', ')} ${are} not installed`, installHint(missing));
}

/** How the packages of these tools are installed on this system, as one sentence. */
export const installHint = (tools: readonly Tool[]): string =>
  `Install it: ${installation(tools, distribution()).command}`;

/** The packages of the tools and the command that installs them; `osRelease` is the text of /etc/os-release. */
export function installation(
  tools: readonly Tool[],
  osRelease: string,
  root: boolean = process.getuid?.() === 0,
): { readonly packages: readonly string[]; readonly command: string } {
  const { install, packages } = distributionOf(osRelease);
  const names = [...new Set(tools.map((tool) => packages[longestKey(packages, tool)] ?? tool))];
  const command = `${install} ${names.join(' ')}`;
  if (root) return { packages: names, command };
  return { packages: names, command: command.includes('&&') ? `sudo sh -c '${command}'` : `sudo ${command}` };
}

const longestKey = (packages: Readonly<Record<string, string>>, tool: string): string =>
  Object.keys(packages)
    .filter((key) => tool === key || tool.startsWith(`${key}-`))
    .reduce((longest, key) => (key.length > longest.length ? key : longest), '');

function distributionOf(osRelease: string): Distribution {
  const ids = [...osRelease.matchAll(/^(?:ID|ID_LIKE)=(.*)$/gm)].flatMap(([, value = '']) =>
    value.replace(/["']/g, '').split(' '),
  );
  const found = ids.map((id) => DISTRIBUTIONS.find((known) => known.ids.some((name) => id.startsWith(name))));
  return found.find((known) => known !== undefined) ?? DEBIAN;
}

function distribution(): string {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // The other place; without either, Debian's names are as good as any.
    }
  }
  return '';
}
