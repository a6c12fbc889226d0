import { z } from 'zod';
import { family, notices, tableName } from './common.ts';
import { end } from './difference.ts';
import { change, said } from './plan.ts';

const strayed = change.extend({ example: z.string().describe('a packet of them, and where it goes') });

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
  catching: z
    .object({
      exact: z.boolean().describe('exactly what was asked for goes to the proxy'),
      caught: z.array(said.extend({ end })),
      missed: z.array(strayed).describe('asked for, and not caught, because of rules of others'),
      extra: z.array(strayed).describe('caught, and not asked for, because of rules of others'),
      open: z.array(z.string()).describe('why it is not known of some packets'),
    })
    .optional()
    .describe('of all packets, beside the rules of others that are in the namespace; absent where there are none'),
});

export type ProgramDocument = z.infer<typeof programDocument>;
