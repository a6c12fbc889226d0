import { z } from 'zod';
import { backend, family, notices, place, ports } from './common.ts';
import { unchanged } from './plan.ts';

const ruleChange = z.object({
  sign: z.enum(['+', '-']),
  family,
  backend,
  ...place.shape,
  rule: z.string(),
  because: z.string().optional().describe('why a rule went that nobody of the mesh wrote'),
});

const seen = z.object({
  proved: z.string(),
  kernel: z
    .string()
    .optional()
    .describe('where the kernel took it, or where it parted from what was proved; absent: it told nothing'),
});

/** What `init`, `clean` and `bypass --apply` changed, or with --dry-run would change. */
export const changeDocument = z.object({
  schema: z.literal('sidestep/change/1'),
  origin: z.string(),
  changed: z.boolean(),
  dryRun: z.boolean(),
  backend,
  notices,
  rules: z.array(ruleChange),
  routing: z.array(z.string()).describe("what changed beside the rules, in ip's words"),
  ports: z
    .array(ports)
    .optional()
    .describe('bypass: the ports that were asked for; an undo of all: those that were taken back'),
  until: z.string().optional().describe('bypass: when the kernel ends it, ISO 8601'),
  unchanged: z.array(unchanged).optional().describe('bypass: ports for which nothing changes, and why'),
  notCovered: notices.optional().describe('bypass: what it does not cover, where that applies'),
  sent: z
    .object({
      asProved: z.boolean().describe('the kernel did with each what was proved'),
      packets: z.array(
        z.object({
          packet: z.string(),
          family,
          moves: z.boolean().describe('whether the bypass moves it'),
          before: seen,
          after: seen,
        }),
      ),
      notSent: z.array(z.string()).describe('why some were not sent, or none'),
      therefore: z.string().optional().describe('what has become of the bypass, where the kernel did something else'),
    })
    .optional()
    .describe(
      'bypass --apply: packets that were sent through the kernel before and after, and dropped behind the last rule',
    ),
});

export type ChangeDocument = z.infer<typeof changeDocument>;
