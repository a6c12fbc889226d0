import { tryDeparture } from '../linux/socket/index.ts';
import { openAccessLog } from './access-log.ts';
import { Beside } from './beside.ts';
import { chooseEngine, netInstead } from './choose-engine.ts';
import { type ProxyConfig, type Settings, settingsOf } from './config.ts';
import type { ConnectionRecord, Engine, Hearer } from './engine.ts';
import { explainDeparture } from './errors.ts';
import { type Front, openFront } from './front.ts';
import { offerHandOver } from './hand-over.ts';
import type { Handed } from './handed.ts';
import { type DrainReport, type Shutdown, shutdownOf } from './shutdown.ts';
import { type TakenOver, takeOver } from './take-over.ts';
import { Tally } from './tally.ts';

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
  /** The pid of the proxy whose place it took. Undefined where none was there, or none was to be taken. */
  readonly tookOver: number | undefined;
  /** What moves the bytes, in how many threads. */
  readonly engine: Pick<Engine, 'name' | 'workers'> & {
    /** Why it is `net`, where `epoll` would have been taken. */
    readonly because: string | undefined;
  };
  readonly inboundPort: number;
  readonly outboundPort: number;
  /** Undefined where none was asked for. */
  readonly readinessPort: number | undefined;
  readonly metricsPort: number | undefined;
  readonly adminPort: number | undefined;
  /** Connections that each port takes at a time: `settings.maxConnections`, or less where open files are limited to less. */
  readonly maxConnections: number;
  statistics(): ProxyStatistics;
  /** The open connections, as their records would be now. */
  connections(): Promise<readonly ConnectionRecord[]>;
  /**
   * Shuts down as a sidecar should on SIGTERM: readiness fails, `drain.notice` later no more is accepted, open connections
   * have `drain.timeout` to end, the rest is reset. A second call gives the same promise.
   */
  drain(): Promise<DrainReport>;
  /** Ends at once: what is open is reset. Also cuts a drain short. */
  close(): Promise<DrainReport>;
  /**
   * Resolves when a drain begins, also where the admin port asked for it; to the pid of another proxy, if that has taken this one's
   * place: then nothing is accepted any more, and what is open goes on until it ends, or until `drain` or `close` is called.
   */
  readonly draining: Promise<number | undefined>;
  /** Resolves when the proxy has ended, also where the admin port asked for it. */
  readonly ended: Promise<DrainReport>;
}

/**
 * Starts the sidecar: resolves when both ports (and readiness) take connections.
 *
 * Throws ProxyConfigRefused, PortUnavailable, ProxyNotPermitted or TakeOverFailed; then nothing is left open.
 *
 * @example
 * const proxy = await startProxy({ dialect: 'istio-2018', accessLog: process.stdout });
 * process.once('SIGTERM', () => void proxy.drain());
 */
export async function startProxy(config: ProxyConfig = {}, given?: Engine): Promise<RunningProxy> {
  const settings = settingsOf(config);
  const log = openAccessLog(config.accessLog, settings.accessLogBuffer, settings.accessLogFormat);
  const counts = { ended: 0, refused: 0 };
  const tally = new Tally();
  const tell: Hearer = {
    ended(record) {
      counts.ended += 1;
      if (record.flag === 'NR' || record.flag === 'UO') counts.refused += 1;
      tally.add(record);
      log.write(record);
      config.onConnection?.(record);
    },
    trouble: (what) => config.onTrouble?.(what),
  };
  let front: Front | undefined;
  const listeners = () => front?.listeners ?? [];
  const connections = async () => (await Promise.all(listeners().map((listener) => listener.list()))).flat();
  const statistics = (): ProxyStatistics => ({
    ...counts,
    open: listeners().reduce((sum, listener) => sum + listener.connections, 0),
    logLinesDropped: log.dropped,
  });
  let shutdown: Shutdown | undefined;
  let taken: TakenOver | undefined;
  let beside: Beside | undefined;
  const handed = (): Handed => ({ listeners: front?.handed() ?? [], beside: beside?.handed() ?? [] });
  // Without the kernel's answers every connection would be refused for want of an original destination.
  tryDeparture({});
  const first = given ? { engine: given, because: undefined } : await chooseEngine(settings);
  try {
    taken = settings.takeOver ? await takeOver(settings.outboundPort) : undefined;
    beside = new Beside(settings, taken);
    const administered = { settings, open: connections, statistics, log, drain: () => void shutdown?.drain() };
    const openBeside = () => beside?.open(administered, { tally, open: connections, linesDropped: () => log.dropped });
    // What may fail does so before connections come which the other proxy would have served.
    if (taken) {
      checkDepartures(settings);
      await openBeside();
      await beside.openReadiness();
    }
    front = await openFront(settings, first, netInstead(settings, given), tell, config.onTheWay, taken?.listeners);
    if (!taken) {
      checkDepartures(settings);
      await openBeside();
    }
    await front.ready();
    if (!taken) await beside.openReadiness();
    taken?.keepOnly(handed());
    await taken?.ready();
  } catch (error) {
    taken?.giveUp();
    void beside?.close();
    await front?.close('the proxy could not start');
    throw error;
  }
  const { chosen, outboundPort, inboundPort, maxConnections } = front;
  shutdown = shutdownOf(front.listeners, beside, settings.drain, async () => {
    await log.flush(1000);
    return log.dropped;
  });
  const offer = settings.pod ? undefined : offerHandOver(outboundPort, handed, (pid) => shutdown?.handedOver(pid));
  void shutdown.draining.then(() => offer?.close());
  return {
    settings,
    tookOver: taken?.pid,
    engine: { name: chosen.engine.name, workers: chosen.engine.workers, because: chosen.because },
    inboundPort,
    outboundPort,
    readinessPort: beside.readiness?.port,
    metricsPort: beside.metrics?.port,
    adminPort: beside.admin?.port,
    maxConnections,
    statistics,
    connections,
    ...shutdown,
  };
}

/** Says at the start, not at the first connection, that the proxy's own connections cannot leave as they should. */
function checkDepartures(settings: Settings): void {
  const foreign = settings.inboundSource === 'client';
  try {
    if (foreign) tryDeparture({ foreign, mark: settings.tproxyMark });
    if (settings.mark > 0 && !settings.pod) tryDeparture({ mark: settings.mark });
  } catch (error) {
    throw explainDeparture(error);
  }
}
