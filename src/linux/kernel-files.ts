import type { ReversePath, Sysctls } from '../netfilter/index.ts';

/** What a file under /proc says in a namespace: its text, or why there is none. */
export type FileText = string | { readonly absent: 'missing' | 'denied' };

/** The files under /proc that a snapshot reads, by path. They differ from one network namespace to the next. */
export type KernelFiles = ReadonlyMap<string, FileText>;

export const LEGACY_TABLES = {
  ipv4: '/proc/self/net/ip_tables_names',
  ipv6: '/proc/self/net/ip6_tables_names',
} as const;
const IPV6_ADDRESSES = '/proc/self/net/if_inet6';
const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
const IPV6_FORWARD = '/proc/sys/net/ipv6/conf/all/forwarding';
const IPV4_INTERFACES = '/proc/sys/net/ipv4/conf';
/** Sysctls that change what becomes of packets in ways that are not followed, with the value in which they change nothing. */
const ASIDE: Readonly<Record<string, string>> = {
  '/proc/sys/net/netfilter/nf_conntrack_tcp_loose': '1',
  '/proc/sys/net/ipv4/fwmark_reflect': '0',
  '/proc/sys/net/ipv6/fwmark_reflect': '0',
  '/proc/sys/net/ipv4/tcp_fwmark_accept': '0',
  '/proc/sys/net/ipv4/icmp_echo_ignore_all': '0',
  '/proc/sys/net/ipv6/icmp/echo_ignore_all': '0',
};
/** The same of interfaces. */
const ASIDE_THERE: Readonly<Record<string, string>> = { accept_local: '0', src_valid_mark: '0' };
const perName = (names: readonly string[]): string => names.map((name) => `${IPV4_INTERFACES}/*/${name}`).join(' ');
const LISTS = [LEGACY_TABLES.ipv4, LEGACY_TABLES.ipv6];
const SETTINGS = [IPV6_ADDRESSES, IP_FORWARD, IPV6_FORWARD];

/** Not a file, but as quick to ask for: what `nft list tables` prints, where nft is installed. */
export const NFT_TABLES = 'nft:tables';

/**
 * Shell text that prints each file as `=STATE PATH` and its lines, each after a space. It starts no process but nft: every one costs a
 * millisecond. With `$settled`, what a plan for iptables alone leaves as it was is not asked for again. A shell reads byte by byte, and /proc/sys ends after the first: what it gives is a digit without an end of line.
 */
export const READ_FILES = `
printf '=files\\n'
set +f
set -- ${LISTS.join(' ')}
# A plan leaves settings as they were.
[ -n "$settled" ] || set -- "$@" ${SETTINGS.join(' ')} ${perName(['route_localnet', 'rp_filter'])}
# Whoever changes rules asks for no more.
[ -n "$changing" ] || set -- "$@" ${Object.keys(ASIDE).join(' ')} ${perName([...Object.keys(ASIDE_THERE), 'forwarding'])}
for file; do
  if ! [ -e "$file" ]; then printf '=missing %s\\n' "$file"
  elif ! [ -r "$file" ]; then printf '=denied %s\\n' "$file"
  else
    printf '=read %s\\n' "$file"
    while read -r line || [ -n "$line" ]; do printf ' %s\\n' "$line"; done < "$file"
  fi
done
set -f
if [ -z "$settled" ] && command -v nft >/dev/null; then
  printf '=read ${NFT_TABLES}\\n'
  nft list tables 2>/dev/null | while read -r line; do printf ' %s\\n' "$line"; done
fi`;

/** Reads what that prints. */
export function parseFiles(text: string): KernelFiles {
  const files = new Map<string, FileText>();
  let current = '';
  for (const line of text.slice(text.lastIndexOf('=files\n')).split('\n')) {
    const [, state, path = ''] = /^=(read|missing|denied) (.*)$/.exec(line) ?? [];
    if (state !== undefined) {
      current = path;
      files.set(path, state === 'read' ? '' : { absent: state as 'missing' | 'denied' });
    } else if (line.startsWith(' ')) {
      files.set(current, `${files.get(current) as string}${line.slice(1)}\n`);
    }
  }
  return files;
}

/** Whether the kernel speaks IPv6 at all. */
export const speaksIpv6 = (files: KernelFiles): boolean => typeof files.get(IPV6_ADDRESSES) === 'string';

/** The sysctls that matter; one that could not be read is left out. */
export function sysctlsIn(files: KernelFiles): Sysctls {
  const forward = switchIn(files, IP_FORWARD);
  const ipv6Forward = switchIn(files, IPV6_FORWARD);
  // `default` is what later interfaces start from; it decides no packet's fate.
  const local = perInterface(files, 'route_localnet');
  const reverse = perInterface(files, 'rp_filter');
  return {
    ...(forward === undefined ? {} : { ipForward: forward }),
    ...(ipv6Forward === undefined ? {} : { ipv6Forward }),
    ...(local.length > 0 && local.every((path) => switchIn(files, path) !== undefined)
      ? { routeLocalnet: local.filter((path) => switchIn(files, path)).map(interfaceOf) }
      : {}),
    ...(reverse.length > 0 && reverse.every((path) => switchIn(files, path) !== undefined)
      ? { rpFilter: reverse.flatMap((path) => reversePathIn(files, path)) }
      : {}),
  };
}

/** Sysctls that are there but do not say what they are. */
export const unreadSysctls = (files: KernelFiles): readonly string[] =>
  [...files.keys()].filter(
    (path) => path.startsWith('/proc/sys/') && !isMissing(files.get(path)) && switchIn(files, path) === undefined,
  );

/** Sysctls that change something which is not followed, each with its value: `net.ipv4.fwmark_reflect = 1`. */
export function sysctlsAside(files: KernelFiles): readonly string[] {
  const forward = files.get(IP_FORWARD);
  const usual = (path: string): FileText | undefined =>
    ASIDE[path] ?? (path.endsWith('/forwarding') ? forward : ASIDE_THERE[path.slice(path.lastIndexOf('/') + 1)]);
  return [...files]
    .filter(([path]) => path in ASIDE || (path.startsWith(`${IPV4_INTERFACES}/`) && interfaceOf(path) !== 'default'))
    .flatMap(([path, text]) => {
      const expected = usual(path);
      const differs = typeof text === 'string' && typeof expected === 'string' && text.trim() !== expected.trim();
      // Loopback forwards nothing.
      return differs && path !== `${IPV4_INTERFACES}/lo/forwarding` ? [`${nameOf(path)} = ${text.trim()}`] : [];
    });
}

/** In sysctl's words; a dot in an interface's name stays one. */
const nameOf = (path: string): string => path.slice('/proc/sys/'.length).replaceAll('/', '.');

const isMissing = (text: FileText | undefined): boolean => typeof text === 'object' && text.absent === 'missing';

const switchIn = (files: KernelFiles, path: string): boolean | undefined => {
  const text = files.get(path);
  return typeof text === 'string' && /^\d/.test(text) ? !text.startsWith('0') : undefined;
};

/** The files of one name of all interfaces, and of all at once. */
const perInterface = (files: KernelFiles, name: string): readonly string[] =>
  [...files.keys()].filter(
    (path) => path.startsWith(`${IPV4_INTERFACES}/`) && path.endsWith(`/${name}`) && interfaceOf(path) !== 'default',
  );

function reversePathIn(files: KernelFiles, path: string): readonly ReversePath[] {
  if (!switchIn(files, path)) return [];
  const mode = String(files.get(path)).startsWith('1') ? 'strict' : 'loose';
  return [{ interface: interfaceOf(path), mode }];
}

const interfaceOf = (path: string): string => path.slice(IPV4_INTERFACES.length + 1, path.lastIndexOf('/'));
