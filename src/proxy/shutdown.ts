import { setTimeout as sleep } from 'node:timers/promises';
import type { DrainTimes } from './config.ts';
import type { OpenListener } from './engine.ts';

/** How a shutdown went. */
export interface DrainReport {
  /** Connections that ended by themselves after the proxy had stopped accepting. */
  readonly ended: number;
  /** Connections that were reset when the time was over. */
  readonly reset: number;
  readonly logLinesDropped: number;
}

/** The ports for those who ask, as far as a shutdown goes by them: they are there until the end. */
export interface Asked {
  /** Readiness begins to fail. */
  fail(): void;
  /** Another proxy answers there. */
  stop(): void;
  close(): Promise<void>;
}

export interface Shutdown {
  drain(): Promise<DrainReport>;
  close(): Promise<DrainReport>;
  /** Another has taken this proxy's place: nothing is accepted any more, and what is open may go on until it ends by itself. */
  handedOver(pid: number): void;
  /** Resolves when it begins, whoever asks for it: to the pid of the proxy that has taken this one's place, if that is why. */
  readonly draining: Promise<number | undefined>;
  /** Resolves when it is over, whoever asked for it. */
  readonly ended: Promise<DrainReport>;
}

/**
 * The order of a shutdown: readiness fails first, so that whoever sends connections here stops; only then the ports close;
 * open connections may end; the rest is reset. `flush` is called last and returns how many log lines were dropped.
 */
export function shutdownOf(
  listeners: readonly OpenListener[],
  beside: Asked,
  times: DrainTimes,
  flush: () => Promise<number>,
): Shutdown {
  const hurry = new AbortController();
  const asked = new AbortController();
  const open = () => listeners.reduce((sum, { connections }) => sum + connections, 0);
  const run = async (successor: number | undefined): Promise<DrainReport> => {
    if (successor !== undefined) beside.stop();
    else {
      beside.fail();
      await patiently(times.notice, hurry.signal);
    }
    await Promise.all(listeners.map((listener) => listener.stop()));
    const before = open();
    const idle = Promise.all(listeners.map((listener) => listener.idle()));
    const early = new AbortController();
    void idle.then(() => early.abort());
    const cut = AbortSignal.any([hurry.signal, early.signal]);
    if (successor !== undefined) await aborted(AbortSignal.any([cut, asked.signal]));
    await patiently(times.timeout, cut);
    const left = open();
    const reason = hurry.signal.aborted
      ? 'the proxy was stopped'
      : `the proxy drained for ${times.timeout} ms and stopped`;
    for (const listener of listeners) listener.reset(reason);
    await idle;
    await beside.close();
    return { ended: before - left, reset: left, logLinesDropped: await flush() };
  };
  let begin: (successor?: number) => void = () => {};
  const draining = new Promise<number | undefined>((resolve) => {
    begin = resolve;
  });
  const ended = draining.then(run);
  const drain = () => {
    asked.abort();
    begin();
    return ended;
  };
  return {
    draining,
    ended,
    drain,
    handedOver: (pid) => begin(pid),
    close() {
      hurry.abort();
      return drain();
    },
  };
}

/** Waits, unless told not to. */
async function patiently(time: number, signal: AbortSignal): Promise<void> {
  if (time > 0 && !signal.aborted) await sleep(time, undefined, { signal }).catch(() => {});
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
