import { z } from 'zod';
import { family, notices, tableName } from './common.ts';

const command = z.object({
  family,
  table: tableName,
  chain: z.string(),
  at: z.union([z.literal('append'), z.int().min(1)]).describe('append, or insert at this one-based position'),
  rule: z.string(),
  reason: z.string().optional(),
});

/** `sidestep init --dry-run -o json`: the rules that would be written. */
export const programDocument = z.object({
  schema: z.literal('sidestep/program/1'),
  dialect: z.string(),
  mode: z.enum(['REDIRECT', 'TPROXY', 'NONE']),
  families: z.array(family),
  notices,
  rules: z.array(command),
  routing: z.array(z.string()).describe("what is needed beside the rules, in ip's words"),
});

export type ProgramDocument = z.infer<typeof programDocument>;
