import { availableParallelism } from 'node:os';
import { duplicate, Streams } from '../../linux/epoll/index.ts';
import {
  closeDescriptor,
  type Endpoint,
  endpointOf,
  openListeners,
  type SharedListeners,
} from '../../linux/socket/index.ts';
import type { Settings } from '../config.ts';
import type { Engine, ListenerOptions } from '../engine.ts';
import { EngineUnavailable } from '../errors.ts';
import { keepAliveSeconds } from '../keep-alive.ts';
import { pipeLimit } from '../limits.ts';
import { Crew } from './crew.ts';
import { Post } from './post.ts';

const BACKLOG = 4096;

export interface EpollOptions {
  /** Threads that move bytes. Default: as many as there are processors for this process. */
  readonly workers?: number | undefined;
  /** How many pipes each of them may have for bulk. Default: what open files allow. */
  readonly pipes?: number | undefined;
  /**
   * Where every connection on a port was going, instead of asking the kernel, where no rule redirects anything: for tests on the
   * loopback. `none`: nowhere.
   */
  readonly original?: (port: number) => Endpoint | 'none';
}

/**
 * The engine on loops of Sidestep's own: each Worker has a listening socket on each port, among which the kernel divides the
 * connections, decides by the same policy and moves the bytes. The main thread opens, stops, and hears what became of each.
 */
export function epollEngine({ workers = availableParallelism(), pipes, original }: EpollOptions = {}): Engine {
  const posts = new Map<number, Post>();
  let crew: Crew | undefined;
  let last = -1;

  const leave = (id: number): void => {
    posts.delete(id);
    if (posts.size > 0) return;
    void crew?.end();
    crew = undefined;
  };

  const crewFor = (settings: Settings, { port, maxConnections }: ListenerOptions): Crew =>
    new Crew({
      count: workers,
      settings,
      // A proxy has two listeners, and those of published ports; any Worker may get all of their connections.
      connections: (2 + (settings.pod?.published.length ?? 0)) * maxConnections,
      pipes: pipes ?? pipeLimit(workers),
      original: original?.(port),
      told: (message) => posts.get(message.id)?.told(message),
    });

  return {
    name: 'epoll',
    workers,
    async open(asked, settings, tell) {
      const opened = listenersFor(asked, workers, inherited(settings));
      const options = { ...asked, port: opened.port };
      last += 1;
      const id = last;
      crew ??= crewFor(settings, options);
      const post = new Post(options, { id, crew, workers, descriptors: opened.descriptors }, tell, () => leave(id));
      posts.set(id, post);
      crew.ready.catch(() => {
        // Those that were given are there for whoever takes this one's place.
        for (const fd of opened.descriptors) if (!asked.descriptors?.includes(fd)) closeDescriptor(fd);
        post.lost();
      });
      for (const [at, fd] of opened.descriptors.entries()) crew.tell(at % workers, { kind: 'listen', id, fd, options });
      return post;
    },
    async ready() {
      try {
        await crew?.ready;
      } catch (error) {
        throw new EngineUnavailable(`a Worker cannot be started (${(error as Error).message})`);
      }
    },
  };
}

/** Listening sockets for all Workers, or those that are open already. */
function listenersFor(
  { address, port, transparent, descriptors }: ListenerOptions,
  workers: number,
  prepare: (fd: number) => void,
): SharedListeners {
  if (!descriptors) return openListeners(endpointOf(address, port), transparent, workers, BACKLOG, prepare);
  for (const descriptor of descriptors) prepare(descriptor);
  return { descriptors: enoughFor(workers, descriptors), port };
}

/** At least one socket for each worker: where there are fewer, several wait at one. */
const enoughFor = (workers: number, given: readonly number[]): readonly number[] =>
  Array.from({ length: Math.max(workers, given.length) }, (_, at) => given[at] ?? duplicate(given[at % given.length]!));

/** Sets on a listening socket what the accepted ones are to have. */
function inherited({ keepAlive }: Settings): (fd: number) => void {
  const streams = new Streams();
  return (fd) => streams.prepare(fd, keepAliveSeconds(keepAlive));
}
