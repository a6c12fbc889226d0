import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { escapeControl } from '../text/index.ts';
import { NoSuchNamespace } from './refusal.ts';

/** A container that runs here. */
export interface Container {
  /** As its runtime knows it: 64 hexadecimal digits, or for the likes of LXC a name. */
  readonly id: string;
  /** Its first process. */
  readonly pid: number;
}

/**
 * Finds a container by its id, a prefix of it that no other container shares, or its name, in the cgroups of all processes:
 * every runtime names its cgroups after the container. Throws NoSuchNamespace when there is none, or several.
 *
 * @example findContainer('containerd://3f2a91c0b7d4')
 */
export function findContainer(wanted: string, proc = '/proc'): Container {
  const word = wanted.replace(/^[a-z0-9-]+:\/\//, '');
  const running = containers(proc);
  const exact = running.get(word);
  if (exact !== undefined) return { id: word, pid: exact };
  const ids = [...running.keys()].filter((id) => word !== '' && id.startsWith(word));
  const found = ids.length > 0 ? ids : idsNamed(word).filter((id) => running.has(id));
  const [id, another] = found;
  const shown = escapeControl(wanted);
  if (id === undefined) {
    throw new NoSuchNamespace(
      `no running container is called ${shown}`,
      'Containers are found through the cgroups of the processes that can be seen here: inside a pod, hostPID: true shows the ' +
        "node's. `kubectl get pod NAME -o jsonpath='{.status.containerStatuses[*].containerID}'` prints ids.",
    );
  }
  if (another !== undefined) {
    const some = found.slice(0, 4).map((each) => escapeControl(each.slice(0, Math.max(16, word.length + 4))));
    throw new NoSuchNamespace(
      `${found.length} containers are called ${shown}: ${some.join(', ')}${found.length > 4 ? ', …' : ''}`,
      'Give more digits.',
    );
  }
  return { id, pid: running.get(id)! };
}

/** All containers by id, each with its lowest process id: its first process, unless the numbers have wrapped around. */
export function containers(proc = '/proc'): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const pid of numbers(proc)) {
    const id = containerOf(read(`${proc}/${pid}/cgroup`));
    if (id !== undefined && !(found.get(id)! < pid)) found.set(id, pid);
  }
  return found;
}

const numbers = (proc: string): number[] => {
  try {
    return readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
};

/** What runtimes put before the id in a cgroup's name when systemd makes it: `cri-containerd-ID.scope`. */
const SCOPE = /^(?:[a-z0-9]+-){1,2}([0-9a-f]{64})\.scope$/;
/** What watches over a container is not in it. */
const MONITOR = /^(?:crio|libpod)-conmon-/;
const ID = /^(?:libpod-)?([0-9a-f]{64})$/;
/** Runtimes whose cgroups carry a name. */
const NAMED = [/^lxc\.payload\.(.+)$/, /^machine-(.+)\.scope$/];

/**
 * The container that a process belongs to, by the text of its /proc/PID/cgroup: the last part of a path that looks like
 * a container's, so that the inner one counts where containers are nested. Both cgroup versions.
 */
export function containerOf(cgroup: string): string | undefined {
  for (const line of cgroup.split('\n')) {
    const path = line.split(':').slice(2).join(':');
    const parts = path.split('/');
    if (parts.some((part) => MONITOR.test(part))) continue;
    for (const part of parts.reverse()) {
      const id = SCOPE.exec(part)?.[1] ?? ID.exec(part)?.[1] ?? named(part) ?? lxcOf(path, part);
      if (id !== undefined) return id;
    }
  }
  return undefined;
}

const named = (part: string): string | undefined =>
  NAMED.map((pattern) => pattern.exec(part)?.[1])
    .find((name) => name !== undefined)
    ?.replace(/\\x2d/g, '-');

const lxcOf = (path: string, part: string): string | undefined => (path.endsWith(`/lxc/${part}`) ? part : undefined);

/** The ids of containers with this name, from the files in which Podman and Docker keep names, where they may be read. */
function idsNamed(name: string): string[] {
  if (name === '') return [];
  return [...podmanIds(name), ...dockerIds(name)];
}

function podmanIds(name: string): string[] {
  return ['/var/lib/containers/storage', `${homedir()}/.local/share/containers/storage`].flatMap((storage) =>
    ['overlay', 'vfs', 'btrfs'].flatMap((driver) =>
      (
        (json(`${storage}/${driver}-containers/containers.json`) as { id: string; names?: string[] }[] | undefined) ??
        []
      )
        .filter(({ names }) => names?.includes(name))
        .map(({ id }) => id),
    ),
  );
}

function dockerIds(name: string): string[] {
  const folder = '/var/lib/docker/containers';
  try {
    return readdirSync(folder).filter(
      (id) => (json(`${folder}/${id}/config.v2.json`) as { Name?: string } | undefined)?.Name === `/${name}`,
    );
  } catch {
    return [];
  }
}

function json(path: string): unknown {
  try {
    return JSON.parse(read(path));
  } catch {
    return undefined;
  }
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
