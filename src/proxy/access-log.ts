import type { Writable } from 'node:stream';
import { type LogFormat, lineFor } from './access-log-line.ts';
import type { ConnectionRecord } from './engine.ts';

/** Takes records without ever keeping a connection waiting. */
export interface AccessLog {
  write(record: ConnectionRecord): void;
  /** Which connections are written: may be changed at any time. */
  level: LogLevel;
  /** Lines that nobody gets to read: their reader was too slow or is gone, or the disk is full. */
  readonly dropped: number;
  /** Resolves when all lines are written, or after `timeout` ms: what is not out by then counts as dropped. */
  flush(timeout: number): Promise<void>;
}

/** `errors`: those that did not end by themselves. */
export type LogLevel = 'all' | 'errors' | 'none';
export const LOG_LEVELS: readonly LogLevel[] = ['all', 'errors', 'none'];

/**
 * An access log on a stream. Lines wait in the stream's own queue, up to `limit` bytes; what comes while it is full is
 * dropped and counted, because a log that blocks would stop the traffic it describes.
 */
export function openAccessLog(stream: Writable | undefined, limit: number, format: LogFormat = 'json'): AccessLog {
  const lineOf = lineFor(format);
  let dropped = 0;
  let waiting = 0;
  let over = false;
  // An error ends the stream and every line that waits in it; `lost` is one line of a stream that goes on (fileLog).
  stream?.on('error', () => {});
  stream?.on('lost', () => {
    dropped += 1;
  });
  return {
    level: 'all',
    write(record) {
      if (!stream || this.level === 'none' || (this.level === 'errors' && !record.flag)) return;
      if (!stream.writable || stream.writableLength > limit) {
        dropped += 1;
        return;
      }
      waiting += 1;
      stream.write(lineOf(record), (error) => {
        waiting -= 1;
        if (error) dropped += 1;
      });
    },
    get dropped() {
      return over ? dropped + waiting : dropped;
    },
    async flush(timeout) {
      if (stream?.writable && waiting > 0) await written(stream, timeout);
      over = true;
    },
  };
}

async function written(stream: Writable, timeout: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeout);
    stream.write('', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
