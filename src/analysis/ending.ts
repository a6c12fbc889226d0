import type { Outcome } from '../trace/index.ts';
import { listenerName, nameOf, type Taken } from '../trace/parts.ts';
import { dropped, type End, unknown } from './end.ts';
import type { Environment } from './environment.ts';

/** The end of packets whose walk gave this outcome, as the packet that stood for them says it. */
export function endOfOutcome(outcome: Outcome): End {
  const { because } = outcome;
  switch (outcome.kind) {
    case 'dropped':
    case 'unknown':
      return { kind: outcome.kind, key: outcome.kind, because };
    default:
      throw new Error(`no packet ends on its way as ${outcome.kind}`);
  }
}

/** Tells apart what becomes of packets that reach this host's sockets. */
export function takenKey(taken: Taken, own: boolean): string {
  if (taken.by === 'nobody') return `nobody ${own ? 'own' : taken.port}`;
  if (!('receiver' in taken)) return taken.by;
  const { port, listener } = taken.receiver;
  return `${taken.by} ${own ? 'own' : port} ${listener ? listenerName(listener) : ''}`;
}

/** The end of packets that have come to this host's sockets. */
export function endOfTaken(taken: Taken, { state }: Environment, own: boolean): End {
  switch (taken.by) {
    case 'kernel':
      return { kind: 'delivered', key: 'delivered', because: 'the kernel of this host takes it' };
    case 'unknown':
      return unknown('the port that it came to is not known');
    case 'nobody': {
      const port = own ? 'own' : taken.port;
      const at = own ? 'the port that it came to' : `port ${port}`;
      return { kind: 'nobody listens', port, key: `nobody listens ${port}`, because: `nobody listens on ${at}` };
    }
    case 'mute':
      return dropped(`${listenerName(taken.receiver.listener!)} is not transparent: it cannot answer`);
    case 'proxy':
    case 'app': {
      const port = own ? 'own' : taken.receiver.port;
      const { listener } = taken.receiver;
      const taker = listener ? `${listenerName(listener)} takes it` : 'something is assumed to listen there';
      const sent = state.mappedBy ? `${nameOf(state.mappedBy)} sends it there` : 'no rule sends it elsewhere';
      return { kind: taken.by, port, key: `${taken.by} ${port}`, because: `${sent}, and ${taker}` };
    }
  }
}
