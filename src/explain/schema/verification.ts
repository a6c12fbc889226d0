import { z } from 'zod';
import { backend, family, tableName } from './common.ts';
import { change } from './plan.ts';

/** `sidestep verify -o json`: what differs from what was asked for, and a live probe. */
export const verificationDocument = z.object({
  schema: z.literal('sidestep/verification/1'),
  origin: z.string(),
  ok: z.boolean(),
  nothing: z.string().optional().describe('why nothing was compared: no interception is here, and none was asked for'),
  asked: z.array(z.string()).describe('what was asked for, as flags of init'),
  given: z.boolean().describe('it was given as flags; else it was read from the rules themselves'),
  compared: z.int().describe('how many rules were compared'),
  differences: z.array(
    z.object({
      kind: z.enum(['extra', 'missing', 'changed', 'order', 'policy', 'extra chain', 'missing chain']),
      family,
      backend,
      table: tableName,
      chain: z.string(),
      number: z.int().optional().describe('one-based; of a missing rule, where it should stand'),
      rule: z.string().optional(),
      expected: z.string().optional(),
      message: z.string(),
      means: z.string().optional().describe('a packet that goes elsewhere because of it'),
      bypass: z.string().optional().describe("it is a bypass of Sidestep's"),
    }),
  ),
  stray: z
    .array(change)
    .describe('where anything differs: the packets that are treated differently; before: as asked for'),
  routing: z.array(z.string()).describe("routing that is missing or too much, in ip's words"),
  probes: z.array(
    z.object({
      outcome: z.enum(['redirected', 'altered', 'missed', 'taken', 'impossible']),
      explanation: z.string(),
    }),
  ),
  doubts: z.array(z.string()).describe('why the comparison may have missed something'),
  mends: z.array(z.string()).describe('commands that would put things right, in the order in which to run them'),
});

export type VerificationDocument = z.infer<typeof verificationDocument>;
