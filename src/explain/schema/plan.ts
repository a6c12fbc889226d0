import { z } from 'zod';
import { backend, family, notices, place, ports } from './common.ts';

/** `sidestep bypass PORT -o json`: what would change. */
export const planDocument = z.object({
  schema: z.literal('sidestep/bypass/1'),
  origin: z.string(),
  ports: z.array(ports),
  until: z.string().optional().describe('when the kernel ends it, ISO 8601'),
  changes: z
    .array(
      z.object({
        action: z.enum(['insert', 'remove', 'replace']),
        family,
        backend,
        ...place.shape,
        rule: z.string().describe('the rule that is there afterwards; the removed one for remove'),
        was: z.string().optional(),
      }),
    )
    .describe('none: there is nothing to do'),
  unchanged: z.array(
    z.object({ kind: z.enum(['already', 'unneeded']), family, ports: z.array(ports), because: z.string() }),
  ),
  notCovered: notices,
  check: z
    .object({
      asMeant: z.boolean(),
      packets: z.array(
        z.object({
          packet: z.string(),
          family,
          meant: z.boolean().describe('whether the bypass is meant for it'),
          before: z.string(),
          after: z.string(),
          moved: z.boolean(),
          asMeant: z.boolean(),
        }),
      ),
    })
    .describe('a handful of packets followed through the rules before and after: no proof over all packets'),
});

export type PlanDocument = z.infer<typeof planDocument>;
