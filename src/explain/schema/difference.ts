import { z } from 'zod';
import { family, port } from './common.ts';
import { outcome, traceFields } from './trace.ts';

const because = z.string();

const rewritten = z
  .object({ address: z.string().optional(), port: z.union([port, z.literal('any')]).optional() })
  .describe('what the packet was given; what is left out is its own');

export const end = z.discriminatedUnion('kind', [
  z.object({
    kind: z.enum(['proxy', 'app', 'nobody listens']),
    port: z.union([port, z.literal('own')]).describe('own: the port that the packet asks for'),
  }),
  z.object({ kind: z.literal('rejected'), with: z.string() }),
  z.object({
    kind: z.enum(['forwarded', 'sent']),
    out: z.string(),
    to: rewritten.optional(),
    from: rewritten.optional(),
  }),
  z.object({ kind: z.enum(['dropped', 'delivered', 'unknown']) }),
]);

const decided = z
  .object({ table: z.string(), chain: z.string(), number: z.int().describe('one-based'), rule: z.string() })
  .describe('the last rule on its way that the other rule set does not have; left out where there is none');

/** `sidestep diff -o json`: the packets that two rule sets treat differently. */
export const differenceDocument = z.object({
  schema: z.literal('sidestep/difference/1'),
  before: z.string().describe('where the first rules come from'),
  after: z.string(),
  different: z.boolean().describe('true, too, where it was not found out, or is a matter of how often rules match'),
  compared: z.array(
    z.object({
      family,
      direction: z.enum(['in', 'out']),
      tooComplex: z.string().optional().describe('why it was not found out'),
      changes: z.array(
        z.object({
          before: end,
          after: end,
          sure: z.boolean().describe('false: it hangs on what is not known'),
          atTimes: z.boolean().describe('true: the kernel chooses each time, and some may end as before'),
          packets: z.array(z.string()).describe('the packets in words, one box each'),
          complete: z.boolean().describe('whether these are all of them'),
          fromNoProgram: z
            .boolean()
            .optional()
            .describe('true: no program sends any of them; they are what the kernel sends itself'),
          example: z
            .object({
              question: z.string(),
              packet: traceFields.packet,
              before: outcome,
              after: outcome,
              decidedBefore: decided.optional(),
              decidedAfter: decided.optional(),
            })
            .optional(),
        }),
      ),
    }),
  ),
  atTimes: z
    .array(z.object({ origin: z.string().describe('the side that alone has it'), rule: z.string() }))
    .optional()
    .describe('rules that match at random, up to a limit or by what they have seen: how often is not compared'),
  notes: z.array(because).describe('what was not compared, and what was taken for granted'),
});

export type DifferenceDocument = z.infer<typeof differenceDocument>;
