import type { ChosenEngine } from './choose-engine.ts';
import type { Settings } from './config.ts';
import { onEitherFamily } from './either-family.ts';
import type { Hearer, ListenerOptions, OpenListener } from './engine.ts';
import { EngineUnavailable } from './errors.ts';
import type { HandedListener } from './handed.ts';
import { connectionLimit } from './limits.ts';

/** The ports that take connections, and the engine behind them. */
export interface Front {
  /** The engine that serves; another once `ready` has had to take one. */
  readonly chosen: ChosenEngine;
  /** The outbound listener first, then the inbound one unless they share a port, then those of published ports. */
  readonly listeners: readonly OpenListener[];
  readonly outboundPort: number;
  /** The same one where both directions share it. */
  readonly inboundPort: number;
  /** Connections that each port takes at a time. */
  readonly maxConnections: number;
  /** What the ports are, for whoever takes this proxy's place. */
  handed(): readonly HandedListener[];
  /** Resolves when connections are served. Throws EngineUnavailable. */
  ready(): Promise<void>;
  /** Closes the ports and resets what came by them; `reason` goes into the records. */
  close(reason: string): Promise<void>;
}

/** What stands in for an engine that cannot be started. Throws what it is given where nothing may. */
export type Instead = (error: unknown) => Promise<ChosenEngine>;

/** Opens the ports. Throws PortUnavailable, ProxyNotPermitted or EngineUnavailable; then none is left open. */
export async function openFront(
  settings: Settings,
  first: ChosenEngine,
  instead: Instead,
  tell: Hearer,
  onTheWay: Hearer['ended'] = () => {},
  handed: readonly HandedListener[] = [],
): Promise<Front> {
  const planned = listenersOf(settings).map((options) => withHanded(options, handed));
  const opened = new Map<ListenerOptions, OpenListener>();
  const listeners = () => planned.map((options) => opened.get(options)).filter((one) => one !== undefined);
  let chosen = first;
  const close = async (reason: string): Promise<void> => {
    const all = listeners();
    opened.clear();
    for (const listener of all) {
      void listener.stop();
      listener.reset(reason);
    }
    await Promise.all(all.map((listener) => listener.idle()));
  };
  const open = async (): Promise<void> => {
    // Those that nobody can have connected to yet come first: where one of them fails, no connection is lost with the others.
    for (const options of [...planned].sort((a, b) => Number(!!a.descriptors) - Number(!!b.descriptors))) {
      // What comes by a published port is told of where the pod takes it up.
      const heard: Hearer = options.to ? { ended: onTheWay, trouble: tell.trouble } : tell;
      const one = (address: string) => chosen.engine.open({ ...options, address }, settings, heard);
      opened.set(options, await onEitherFamily(options.address, options.port, purposeOf(options), one));
    }
  };
  // What stands in is ready at once: it has no Workers.
  const orInstead = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what();
    } catch (error) {
      await close('the proxy could not start');
      // Sockets that were given are closed now.
      if (!(error instanceof EngineUnavailable) || settings.pod) throw error;
      chosen = await instead(error);
      await open().catch(async (failed) => {
        await close('the proxy could not start');
        throw failed;
      });
    }
  };
  await orInstead(open);
  return {
    get chosen() {
      return chosen;
    },
    get listeners() {
      return listeners();
    },
    get outboundPort() {
      return listeners()[0]!.port;
    },
    get inboundPort() {
      return listeners()[planned[0]!.takes === 'both' ? 0 : 1]!.port;
    },
    maxConnections: Math.min(...planned.map(({ maxConnections }) => maxConnections)),
    handed: () => listeners().map(({ port, descriptors }, at) => ({ ...partOf(planned[at]!), port, descriptors })),
    ready: () => orInstead(() => chosen.engine.ready()),
    close,
  };
}

/** A port as it was handed over, where it is the same. */
function withHanded(options: ListenerOptions, handed: readonly HandedListener[]): ListenerOptions {
  const same = handed.find((one) =>
    (['takes', 'address', 'port', 'transparent'] as const).every((field) => one[field] === options[field]),
  );
  return same ? { ...options, descriptors: same.descriptors } : options;
}

function listenersOf(settings: Settings): ListenerOptions[] {
  const { address, outboundPort, inboundPort, mode, pod } = settings;
  const transparent = mode === 'TPROXY';
  const shared = inboundPort === outboundPort && inboundPort !== 0;
  const published = pod?.published ?? [];
  const maxConnections = connectionLimit(settings.maxConnections, (shared ? 1 : 2) + published.length);
  const common = { address, maxConnections };
  const own: ListenerOptions[] = shared
    ? [{ ...common, takes: 'both', port: outboundPort, transparent }]
    : [
        { ...common, takes: 'outbound', port: outboundPort, transparent: false, descriptors: pod?.outbound },
        { ...common, takes: 'inbound', port: inboundPort, transparent, descriptors: pod?.inbound },
      ];
  // One for each port of this host that leads to the pod's.
  const lead = published.map(({ address, port, to }): ListenerOptions => {
    return { takes: 'inbound', address, port, to, transparent: false, maxConnections };
  });
  return [...own, ...lead];
}

const partOf = ({ takes, address, transparent }: ListenerOptions) => ({ takes, address, transparent });

const purposeOf = ({ takes, to }: ListenerOptions): string =>
  to ? 'published' : takes === 'both' ? 'inbound and outbound' : takes;
