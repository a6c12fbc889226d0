import { z } from 'zod';
import { backend, family, notices, place } from './common.ts';

const ruleChange = z.object({
  sign: z.enum(['+', '-']),
  family,
  backend,
  ...place.shape,
  rule: z.string(),
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
});

export type ChangeDocument = z.infer<typeof changeDocument>;
