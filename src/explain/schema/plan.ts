import { z } from 'zod';
import { backend, family, notices, place, ports } from './common.ts';
import { end } from './difference.ts';
import { bypass } from './listing.ts';

/** Ports for which nothing changes, and why. */
export const unchanged = z.object({
  kind: z.enum(['already', 'unneeded']),
  family,
  ports: z.array(ports),
  because: z.string(),
});

export const said = z.object({
  family,
  direction: z.enum(['in', 'out']),
  packets: z.array(z.string()).describe('in words, one box each'),
});
export const change = said.extend({ before: end, after: end });

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
  chosen: z.string().optional().describe('why this plan, where others were possible'),
  refused: z.string().optional().describe('why --apply does not carry it out; not there: it does'),
  unchanged: z.array(unchanged),
  idle: z.array(bypass).describe('bypasses of these ports that stand in the rules and let nothing pass now'),
  notCovered: notices,
  proof: z
    .object({
      exact: z.boolean().describe('exactly what was asked for changes, and nothing else does'),
      moved: z.array(change),
      beyond: z.array(change).describe('what else would change'),
      left: z.array(said).describe('what was asked for and would still go to the proxy'),
      open: z.array(z.string()).describe('why it is not known of some packets'),
    })
    .describe('of all packets that belong to no open connection and go from one host to another'),
  check: z
    .object({
      asMeant: z.boolean(),
      notFollowed: z.number().describe('ports at which a rule begins or ends that were too many to follow'),
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
    .describe('packets to every port at which a rule begins or ends, followed through the rules before and after'),
});

export type PlanDocument = z.infer<typeof planDocument>;
