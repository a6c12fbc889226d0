import { z } from 'zod';
import { outcome, traceFields } from './trace.ts';

const because = z.string();

/** `sidestep trace --live -o json`: one packet that has passed, as the kernel tells its walk. One document a line. */
export const liveDocument = z.object({
  schema: z.literal('sidestep/live/1'),
  seen: z.string().describe('when the kernel told of it, ISO 8601'),
  ...traceFields,
  simulator: z
    .discriminatedUnion('says', [
      z.object({ says: z.literal('the same') }),
      z.object({ says: z.literal('the same as far as it knows'), because }),
      z.object({
        says: z.literal('something else'),
        step: z.int().describe('the first of `steps` that is the kernel’s word alone'),
        kernel: z.string().describe('what the kernel says there'),
        simulator: z.string().describe('what the simulator says there'),
        outcome: outcome.describe('where the packet ends by the simulator’s word'),
      }),
      z.object({ says: z.literal('nothing'), because }),
    ])
    .describe('what the simulator says of the same packet'),
  unconfirmed: z
    .array(z.string())
    .describe(
      'chains of which the kernel tells nothing (legacy): what `steps` say of them is the simulator’s word alone',
    ),
});

export type LiveDocument = z.infer<typeof liveDocument>;
