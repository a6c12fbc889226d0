import { contentOf, isNftRule } from '../netfilter/index.ts';
import type { Outcome } from '../trace/index.ts';
import { type CompiledRule, listenerName, nameOf, type Taken } from '../trace/parts.ts';
import { dropped, type End, unknown } from './end.ts';
import type { Environment } from './environment.ts';

/** An end that a rule leaves open: whichever packets it takes, another rule with the same target leaves the same open. */
export const openBy = ({ rule }: CompiledRule, because: string): End =>
  unknown(because, contentOf(isNftRule(rule) ? rule : { ...rule, header: {}, matches: [] }));

/** The end of packets whose walk gave this outcome, as the packet that stood for them says it; at a rule, where it was one's. */
export function endOfOutcome(outcome: Outcome, rule?: CompiledRule): End {
  const { because } = outcome;
  switch (outcome.kind) {
    case 'dropped':
      return dropped(because);
    case 'unknown':
      return rule ? openBy(rule, because) : unknown(because);
    default:
      throw new Error(`no packet ends on its way as ${outcome.kind}`);
  }
}

/** Tells apart whether packets go on, which way, and whether they are at their end. */
export const outcomeKey = (next: string | Outcome | undefined): string =>
  typeof next === 'object' ? endOfOutcome(next).key : (next ?? '');

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
      return unknown('the kernel chooses the port that it comes to', 'port');
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
