import type { AddressValue } from '../address/index.ts';

/** Where packets end, as `Outcome` of a trace says it; `own` is the port, or the address, that the packet itself asked for. */
export type End =
  | {
      readonly kind: 'proxy' | 'app' | 'nobody listens';
      readonly port: number | 'own';
      readonly key: string;
      readonly because: string;
    }
  | { readonly kind: 'rejected'; readonly with: string; readonly key: string; readonly because: string }
  | {
      readonly kind: 'forwarded' | 'sent';
      readonly out: string;
      /** Rewritten on the way. */
      readonly to?: Rewritten;
      readonly from?: Rewritten;
      readonly key: string;
      readonly because: string;
    }
  | { readonly kind: 'dropped' | 'delivered' | 'unknown'; readonly key: string; readonly because: string };

/** An end of a connection that nat has changed. What is absent is the packet's own; `open`: the kernel chooses. */
export interface Rewritten {
  readonly address?: AddressValue;
  readonly port?: number | 'open';
}

export type EndKind = End['kind'];

export const DROPPED: End = { kind: 'dropped', key: 'dropped', because: 'it is dropped' };

export const dropped = (because: string): End => ({ ...DROPPED, because });

/** `by`: what leaves it open; what different things leave open is not the same end. */
export const unknown = (because: string, by = ''): End => ({
  kind: 'unknown',
  key: by === '' ? 'unknown' : `unknown ${by}`,
  because,
});
