import { z } from 'zod';
import { family, port } from './common.ts';
import { end } from './difference.ts';
import { outcome, traceFields } from './trace.ts';

const level = z.enum(['info', 'medium', 'high']);
const lane = z.enum(['inbound', 'outbound', 'self']);

/** `sidestep audit -o json`: where all connections go, and what is the matter with the rules. */
export const auditDocument = z.object({
  schema: z.literal('sidestep/audit/1'),
  origin: z.string().describe('where the rules come from'),
  families: z.array(family).describe('those whose rules were read'),
  proxyPorts: z.array(port).describe('the ports that the proxy listens on, as far as the rules tell'),
  lanes: z.array(
    z.object({
      lane,
      family,
      ends: z.array(
        z.object({
          fate: z.enum(['proxy', 'proxy itself', 'direct', 'forwarded', 'refused', 'unknown']),
          end,
          sure: z.boolean().describe('false: it hangs on what is not known'),
          packets: z.array(z.string()).describe('the packets that open connections, in words, one box each'),
          complete: z.boolean().describe('whether these are all of them'),
        }),
      ),
    }),
  ),
  tooComplex: z.array(z.object({ family, direction: z.enum(['in', 'out']), because: z.string() })),
  findings: z.array(
    z.object({
      kind: z.string(),
      level,
      family: family.optional(),
      says: z.string(),
      example: z.object({ question: z.string(), packet: traceFields.packet, outcome }).optional(),
      rules: z
        .array(
          z.object({
            family,
            backend: z.enum(['nft', 'legacy', 'native']),
            table: z.string(),
            chain: z.string(),
            number: z.number().int().describe('one-based'),
            line: z.number().int().optional().describe('of the text that it was read from'),
          }),
        )
        .describe('the rules that bring it about'),
      mend: z.string().optional(),
    }),
  ),
  notes: z.array(z.string()).describe('what was not looked at'),
});

export type AuditDocument = z.infer<typeof auditDocument>;
