import { formatAddress } from '../address/index.ts';
import type { Conversation, Endpoint } from '../trace/index.ts';
import { questionWords } from './packet.ts';
import type { ConnectionDocument } from './schema/connection.ts';
import { sidesOf } from './sides.ts';
import { packetTold } from './trace-document.ts';

/** One connection as `trace --connection -o json` prints it. */
export function connectionDocument(conversation: Conversation): ConnectionDocument {
  const { question, outcome, possible, turns } = conversation;
  const { family } = question.packet;
  const spoken = ({ address, port }: Endpoint) => ({ address: formatAddress(family, address), port });
  return {
    schema: 'sidestep/connection/1',
    question: questionWords(question),
    outcome: { ...outcome },
    possible: possible.map((other) => ({ outcome: { ...other.outcome }, because: other.because })),
    sides: sidesOf(conversation).map(({ who, source, destination, original }) => ({
      who,
      ...(source ? { source: spoken(source) } : {}),
      destination: spoken(destination),
      ...(original ? { original: spoken(original) } : {}),
    })),
    packets: turns.map(({ name, by, trace }) => ({ name, by, ...packetTold(trace) })),
  };
}
