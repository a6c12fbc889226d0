import type { ListenerOptions } from './engine.ts';

/** A port that takes connections, and its listening sockets. */
export interface HandedListener extends Pick<ListenerOptions, 'takes' | 'address' | 'port' | 'transparent'> {
  readonly descriptors: readonly number[];
}

/** A port for those who ask, and its socket. */
export interface HandedBeside {
  readonly name: 'readiness' | 'metrics' | 'admin';
  readonly port: number;
  readonly descriptor: number;
}

/** All that a proxy listens on. */
export interface Handed {
  readonly listeners: readonly HandedListener[];
  readonly beside: readonly HandedBeside[];
}

/** What is sent before the sockets: how many each is. The sockets follow in this order. */
export interface Announced {
  readonly listeners: readonly (Omit<HandedListener, 'descriptors'> & { readonly count: number })[];
  readonly beside: readonly Omit<HandedBeside, 'descriptor'>[];
}

/** What the new one says first, and once it serves; what it is answered then. */
export const ASK = 'sockets\n';
export const READY = 'ready\n';
export const OVER = 'over\n';

/** By the port that both know. The name has no file: it is the network namespace's, as the ports are. */
export const nameOf = (outboundPort: number): string => `sidestep/proxy/${outboundPort}`;

/** Its own user may have them, and root. */
export const mayHave = (uid: number): boolean => uid === 0 || uid === process.getuid?.();

/** The socket of a port for those who ask, where it was handed over. */
export const besideAt = (handed: Handed | undefined, name: HandedBeside['name'], port: number): number | undefined =>
  handed?.beside.find((one) => one.name === name && one.port === port)?.descriptor;

/** All sockets that are handed. */
export const descriptorsIn = ({ listeners, beside }: Handed): readonly number[] => [
  ...listeners.flatMap(({ descriptors }) => descriptors),
  ...beside.map(({ descriptor }) => descriptor),
];
