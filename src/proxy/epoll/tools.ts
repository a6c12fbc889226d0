import type { Pipes, Streams } from '../../linux/epoll/index.ts';
import type { Endpoint } from '../../linux/socket/index.ts';
import type { Settings } from '../config.ts';
import type { ConnectionRecord } from '../engine.ts';
import type { Host } from '../policy.ts';
import type { Buffers } from './buffers.ts';
import type { Loop } from './loop.ts';
import type { OpenedTable } from './opened-table.ts';

/** What one Worker has for all of its connections. */
export interface Tools {
  readonly loop: Loop;
  readonly streams: Streams;
  readonly pipes: Pipes;
  readonly buffers: Buffers;
  readonly settings: Settings;
  readonly host: Host;
  readonly opened: OpenedTable;
  /** Where an accepted connection was going, as the kernel says. */
  original(fd: number, peer: Endpoint): Endpoint | undefined;
  /** Takes the record of a connection of a listener that has ended. */
  ended(listener: number, record: ConnectionRecord): void;
  /** Tells that the system has none of what connections need. */
  trouble(listener: number, what: string): void;
}
