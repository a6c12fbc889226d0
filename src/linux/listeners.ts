import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { parseAddress } from '../address/index.ts';
import type { Listener } from '../netfilter/index.ts';

/** A listener with the inode of its socket, by which its process is found; 0 for the kernel's own. */
export interface ListeningSocket {
  readonly listener: Listener;
  readonly inode: number;
}

/** What lists them: TCP in LISTEN and unconnected UDP, with uid, inode, v6only and the transparent option. Source: ss(8). */
export const SS_WORDS = ['-H', '-O', '-n', '-l', '-t', '-u', '-e', '--inet-sockopt'] as const;

/** Reads the lines of `ss -H -O -n -l -t -u -e --inet-sockopt`. */
export function parseSocketStatistics(text: string): ListeningSocket[] {
  return text.split('\n').flatMap((line) => {
    const [protocol, , , , local = ''] = line.trim().split(/\s+/);
    if (protocol !== 'tcp' && protocol !== 'udp') return [];
    const bound = parseLocal(local);
    if (bound === undefined) return [];
    // The cgroup's name is free text, so what stands after it is looked for from the end of the line.
    const [known = ''] = line.split(' cgroup:');
    const options = line.slice(line.lastIndexOf('inet-sockopt: ('));
    const dual = local.startsWith('*:');
    const transparent = options.includes(' transparent');
    return [
      {
        inode: Number(/ ino:(\d+)/.exec(known)?.[1] ?? 0),
        listener: {
          family: bound.family,
          protocol,
          address: bound.value,
          port: bound.port,
          ...(dual ? { dual } : {}),
          ...(transparent ? { transparent } : {}),
          uid: Number(/ uid:(\d+)/.exec(known)?.[1] ?? 0),
          ...(bound.device === undefined ? {} : { device: bound.device }),
        },
      },
    ];
  });
}

/** `0.0.0.0:80`, `[::1]:80`, `*:80` (:: that takes IPv4 too), `0.0.0.0%eth0:80`, `[fe80::1]%eth0:80`. */
function parseLocal(text: string) {
  const at = text.lastIndexOf(':');
  const [place = '', device] = text.slice(0, at).split('%');
  const address = parseAddress(place === '*' ? '::' : place.replace(/^\[|\]$/g, ''));
  const port = Number(text.slice(at + 1));
  return address === undefined ? undefined : { ...address, port, device };
}

/** Adds to each listener the process that holds it, as far as this user may look into processes of that namespace. */
export function withProcesses(sockets: readonly ListeningSocket[], inode: string, proc = '/proc'): Listener[] {
  const wanted = new Map(
    sockets.filter((socket) => socket.inode !== 0).map((socket) => [`socket:[${socket.inode}]`, 0]),
  );
  const uids = new Set(sockets.map(({ listener }) => listener.uid));
  let left = wanted.size;
  for (const pid of likelyFirst(proc, uids)) {
    if (left === 0) break;
    if (linkOf(`${proc}/${pid}/ns/net`) !== inode) continue;
    for (const fd of folder(`${proc}/${pid}/fd`)) {
      const link = linkOf(`${proc}/${pid}/fd/${fd}`);
      if (wanted.get(link) !== 0) continue;
      wanted.set(link, pid);
      left -= 1;
    }
  }
  return sockets.map(({ listener, inode }) => {
    const pid = wanted.get(`socket:[${inode}]`);
    return pid ? { ...listener, process: { pid, name: nameOf(pid, proc) } } : listener;
  });
}

/** All processes, those that run as the owner of one of the sockets before the others. */
function likelyFirst(proc: string, uids: ReadonlySet<number | undefined>): number[] {
  const likely: number[] = [];
  const others: number[] = [];
  for (const name of folder(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const owner = statSync(`${proc}/${name}`, { throwIfNoEntry: false })?.uid;
    (uids.has(owner) ? likely : others).push(Number(name));
  }
  return [...likely, ...others];
}

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

const folder = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};

const nameOf = (pid: number, proc: string): string => {
  try {
    return readFileSync(`${proc}/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
};
