import type { Endpoint } from '../../linux/socket/index.ts';
import type { Settings } from '../config.ts';
import type { ConnectionRecord, ListenerOptions } from '../engine.ts';
import type { Cell } from './record-row.ts';

/** What a Worker is started with. */
export interface WorkerStart {
  /** Which Worker it is, from 0. */
  readonly worker: number;
  readonly settings: Settings;
  /** An eventfd: written to after each message, and before the process ends. */
  readonly wake: number;
  readonly shared: Shared;
  /** How many pipes it may have open. */
  readonly pipes: number;
  /** Where every connection was going, instead of asking the kernel; see EpollOptions. */
  readonly original: Endpoint | 'none' | undefined;
}

/** Memory that all threads have. */
export interface Shared {
  /** A table for each Worker: see OpenedTable. */
  readonly tables: readonly Int32Array[];
  /** A word for each Worker: see OpenedTable. */
  readonly connecting: Int32Array;
  /** For each listener, how many connections are open and how many were accepted: see COUNTS. */
  readonly counts: Int32Array;
  /** Not 0 where the process is about to end: there is no time for messages then. */
  readonly quit: Int32Array;
}

/** Words in `counts` for a listener, from twice its number on. */
export const COUNTS = { open: 0, accepted: 1, words: 2 } as const;

/** As many listeners as an engine can open in its life. */
export const LISTENERS = 64;

export type ToWorker =
  | { readonly kind: 'listen'; readonly id: number; readonly fd: number; readonly options: ListenerOptions }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'reset'; readonly id: number; readonly reason: string }
  | { readonly kind: 'list'; readonly id: number; readonly question: number }
  | { readonly kind: 'end' };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** Records of connections that have ended: see recordsIn. */
  | { readonly kind: 'records'; readonly id: number; readonly rows: readonly Cell[] }
  | { readonly kind: 'stopped'; readonly id: number }
  /** What is open at this Worker, for the question of that number. */
  | {
      readonly kind: 'listed';
      readonly id: number;
      readonly question: number;
      readonly records: readonly ConnectionRecord[];
    }
  | { readonly kind: 'trouble'; readonly id: number; readonly what: string };
