import type { ConnectionRecord } from './engine.ts';

/** How long bytes that came before a RST may take to be written out before the RST is passed on, in milliseconds. */
export const BEFORE_RESET = 1000;

/** How a connection ended, as its record tells it. */
export type Ended = Pick<ConnectionRecord, 'flag' | 'details' | 'failure'>;

export const ORDINARY: Ended = { flag: undefined, details: undefined, failure: undefined };
