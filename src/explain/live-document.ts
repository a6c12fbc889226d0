import type { Passed } from '../trace/index.ts';
import { eventWords } from './live.ts';
import type { LiveDocument } from './schema/live.ts';
import { outcomeDocument, packetTold } from './trace-document.ts';

/** A packet that has passed as `trace --live -o json` prints it. */
export const liveDocument = (passed: Passed): LiveDocument => ({
  schema: 'sidestep/live/1',
  seen: new Date(passed.seen).toISOString(),
  ...packetTold(passed.trace),
  simulator: simulatorOf(passed),
  unconfirmed: [...new Set(passed.unconfirmed)],
});

function simulatorOf({ simulated, trace }: Passed): LiveDocument['simulator'] {
  switch (simulated.kind) {
    case 'same':
      return { says: 'the same' };
    case 'as far as known':
      return { says: 'the same as far as it knows', because: simulated.because };
    case 'differs': {
      const { at, kernel, simulator, outcome } = simulated;
      const told = outcomeDocument(outcome, trace);
      return { says: 'something else', step: at, kernel: eventWords(kernel), simulator, outcome: told };
    }
    case 'not compared':
      return { says: 'nothing', because: simulated.because };
  }
}
