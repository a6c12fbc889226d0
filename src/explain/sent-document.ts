import type { Passed } from '../trace/index.ts';
import { eventWords } from './live.ts';
import { outcomePhrase, questionWords } from './packet.ts';
import type { ChangeDocument } from './schema/change.ts';
import { moves } from './sent-packets.ts';
import { isAsProved, type Sent } from './sent-screen.ts';

/** The packets that were sent before and after a bypass, as JSON has them. */
export const sentDocument = ({ packets, left, therefore }: Sent): NonNullable<ChangeDocument['sent']> => ({
  asProved: packets.every(isAsProved),
  packets: packets.map(({ witness, before, after }) => ({
    packet: questionWords(witness.question),
    family: witness.question.packet.family,
    moves: moves(witness),
    before: { proved: outcomePhrase(witness.before), ...kernelSays(before) },
    after: { proved: outcomePhrase(witness.after), ...kernelSays(after) },
  })),
  notSent: [...left],
  ...(therefore === undefined ? {} : { therefore }),
});

const kernelSays = (passed: Passed | undefined): { readonly kernel?: string } => {
  if (!passed) return {};
  const { simulated, trace } = passed;
  return { kernel: simulated.kind === 'differs' ? eventWords(simulated.kernel) : outcomePhrase(trace.outcome) };
};
