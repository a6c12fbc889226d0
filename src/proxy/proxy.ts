import { tryDeparture } from '../linux/socket/index.ts';
import { openAccessLog } from './access-log.ts';
import { chooseEngine } from './choose-engine.ts';
import { type ProxyConfig, type Settings, settingsOf } from './config.ts';
import type { ConnectionRecord, Engine, ListenerOptions, OpenListener } from './engine.ts';
import { explainDeparture, explainListen, lacksFamily } from './errors.ts';
import { connectionLimit } from './limits.ts';
import { openReadiness, type Readiness } from './readiness.ts';
import { type DrainReport, shutdownOf } from './shutdown.ts';

/** Counts since the start. */
export interface ProxyStatistics {
  /** Connections open now. */
  readonly open: number;
  /** Connections that have ended, refused ones among them. */
  readonly ended: number;
  /** Those refused without an upstream being asked: straight to the port, loops, over the limit. */
  readonly refused: number;
  /** Lines of the access log that nobody gets to read: a slow reader, one that is gone, a full disk. */
  readonly logLinesDropped: number;
}

/** A proxy that takes connections. */
export interface RunningProxy {
  readonly settings: Settings;
  /** What moves the bytes, in how many threads. */
  readonly engine: Pick<Engine, 'name' | 'workers'> & {
    /** Why it is `net`, where `epoll` would have been taken. */
    readonly because: string | undefined;
  };
  readonly inboundPort: number;
  readonly outboundPort: number;
  /** Undefined where none was asked for. */
  readonly readinessPort: number | undefined;
  /** Connections that each port takes at a time: `settings.maxConnections`, or less where open files are limited to less. */
  readonly maxConnections: number;
  statistics(): ProxyStatistics;
  /**
   * Shuts down as a sidecar should on SIGTERM: readiness fails, `drain.notice` later no more is accepted, open connections
   * have `drain.timeout` to end, the rest is reset. A second call gives the same promise.
   */
  drain(): Promise<DrainReport>;
  /** Ends at once: what is open is reset. Also cuts a drain short. */
  close(): Promise<DrainReport>;
}

/**
 * Starts the sidecar: resolves when both ports (and readiness) take connections.
 *
 * Throws ProxyConfigRefused, PortUnavailable or ProxyNotPermitted; then nothing is left open.
 *
 * @example
 * const proxy = await startProxy({ dialect: 'istio-2018', accessLog: process.stdout });
 * process.once('SIGTERM', () => void proxy.drain());
 */
export async function startProxy(config: ProxyConfig = {}, given?: Engine): Promise<RunningProxy> {
  const settings = settingsOf(config);
  const log = openAccessLog(config.accessLog, settings.accessLogBuffer);
  const counts = { ended: 0, refused: 0 };
  const listeners: OpenListener[] = [];
  const planned = listenersOf(settings);
  const ended = (record: ConnectionRecord): void => {
    counts.ended += 1;
    if (record.flag === 'NR' || record.flag === 'UO') counts.refused += 1;
    log.write(record);
  };
  let readiness: Readiness | undefined;
  // Without the kernel's answers every connection would be refused for want of an original destination.
  tryDeparture({});
  const { engine, because } = given ? { engine: given, because: undefined } : await chooseEngine(settings);
  try {
    for (const options of planned) {
      const purpose = options.takes === 'both' ? 'inbound and outbound' : options.takes;
      const open = (address: string) => engine.open({ ...options, address }, settings, ended);
      listeners.push(await onEitherFamily(settings.address, options.port, purpose, open));
    }
    checkDepartures(settings);
    const { readinessPort: port } = settings;
    if (port !== 'none') {
      readiness = await onEitherFamily(settings.address, port, 'readiness', (address) => openReadiness(address, port));
    }
  } catch (error) {
    for (const listener of listeners) {
      listener.stop();
      void listener.idle();
    }
    throw error;
  }
  const [outbound, inbound = outbound] = listeners as [OpenListener, OpenListener?];
  return {
    settings,
    engine: { name: engine.name, workers: engine.workers, because },
    inboundPort: inbound.port,
    outboundPort: outbound.port,
    readinessPort: readiness?.port,
    maxConnections: Math.min(...planned.map(({ maxConnections }) => maxConnections)),
    statistics: () => ({
      ...counts,
      open: outbound.connections + (listeners[1]?.connections ?? 0),
      logLinesDropped: log.dropped,
    }),
    ...shutdownOf(listeners, readiness, settings.drain, async () => {
      await log.flush(1000);
      return log.dropped;
    }),
  };
}

/** The outbound listener first. One listener where both directions share a port. */
function listenersOf(settings: Settings): Omit<ListenerOptions, 'address'>[] {
  const { outboundPort, inboundPort, mode } = settings;
  const transparent = mode === 'TPROXY';
  const shared = inboundPort === outboundPort && inboundPort !== 0;
  const maxConnections = connectionLimit(settings.maxConnections, shared ? 1 : 2);
  if (shared) return [{ takes: 'both', port: outboundPort, transparent, maxConnections }];
  return [
    { takes: 'outbound', port: outboundPort, transparent: false, maxConnections },
    { takes: 'inbound', port: inboundPort, transparent, maxConnections },
  ];
}

/** Listens on `::` for both families, or on 0.0.0.0 where this host has no IPv6. */
async function onEitherFamily<T>(
  address: string,
  port: number,
  purpose: string,
  open: (address: string) => Promise<T>,
): Promise<T> {
  try {
    return await open(address);
  } catch (error) {
    if (address !== '::' || !lacksFamily(error)) throw explainListen(error, port, purpose);
  }
  try {
    return await open('0.0.0.0');
  } catch (error) {
    throw explainListen(error, port, purpose);
  }
}

/** Says at the start, not at the first connection, that the proxy's own connections cannot leave as they should. */
function checkDepartures(settings: Settings): void {
  const foreign = settings.inboundSource === 'client';
  try {
    if (foreign) tryDeparture({ foreign, mark: settings.tproxyMark });
    if (settings.mark > 0) tryDeparture({ mark: settings.mark });
  } catch (error) {
    throw explainDeparture(error);
  }
}
