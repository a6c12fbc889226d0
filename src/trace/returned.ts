import { type Packet, TCP } from '../netfilter/index.ts';
import { endsOf, sameEnds, turned } from './connection.ts';
import type { Outcome } from './result.ts';
import type { Walk } from './state.ts';
import { knownDevice } from './supposed.ts';
import { spokenEnd } from './words.ts';

/** An answer has come to this host's sockets: to the caller's, if it is from here and called this very address. */
export function receiveAnswer(walk: Walk): Outcome {
  const { packet, opening } = walk;
  const expected = opening && turned(endsOf(opening.opened.packet));
  if (opening?.opened.direction !== 'out' || !expected || !sameEnds(endsOf(packet), expected)) {
    const because = strangerWords(walk, 'this host');
    walk.steps?.push({ kind: 'socket', decision: because });
    return { kind: 'astray', because };
  }
  const from = sourceWords(packet);
  walk.steps?.push({ kind: 'socket', decision: `the caller's own` });
  return { kind: 'answered', from: sourceOf(packet), because: `the caller's socket sees ${from}, which it called` };
}

/** An answer leaves this host, for the caller, if it comes from where the caller called. */
export function takeAnswer(walk: Walk): Outcome {
  const { packet, opening } = walk;
  const out = knownDevice(walk);
  const expected = opening && turned(endsOf(opening.opened.packet));
  if (opening?.opened.direction !== 'in' || !expected || !sameEnds(endsOf(packet), expected)) {
    return { kind: 'astray', because: strangerWords(walk, spokenEnd(packet.family, packet.destination, undefined)) };
  }
  const because = `it leaves${out && ` by ${out}`}, and the caller sees ${sourceWords(packet)}, which it called`;
  return { kind: 'answered', from: sourceOf(packet), ...(out === '' ? {} : { out }), because };
}

/** A later TCP packet of a connection that has come to another socket than the first one did. */
export function strayed({ packet, opening, steps }: Walk): Outcome | undefined {
  if (!opening || packet.protocol !== TCP || sameEnds(endsOf(packet), endsOf(opening.packet))) return undefined;
  const to = spokenEnd(packet.family, packet.destination, packet.destinationPort);
  const because = `no socket knows a connection from ${sourceWords(packet)} to ${to}`;
  steps?.push({ kind: 'socket', decision: because });
  return { kind: 'astray', because };
}

function strangerWords({ packet, opening }: Walk, who: string): string {
  const called = opening?.opened.packet;
  const instead = called
    ? `: the caller called ${spokenEnd(called.family, called.destination, called.destinationPort)}`
    : '';
  return `${who} knows no connection with ${sourceWords(packet)}${instead}`;
}

const sourceWords = ({ family, source, sourcePort }: Packet): string =>
  source === undefined ? 'this sender' : spokenEnd(family, source, sourcePort);

const sourceOf = ({ source, sourcePort }: Packet) => ({ address: source ?? 0, port: sourcePort ?? 0 });
