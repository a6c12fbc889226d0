import { z } from 'zod';
import { endpoint, traceFields } from './trace.ts';

const because = z.string();

const outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('open') }).describe('packets pass both ways'),
  z.object({ kind: z.literal('not opened'), because }).describe('the first packet reaches nobody'),
  z.object({ kind: z.literal('broken'), turn: z.string().describe('the packet that is lost'), because }),
  z.object({ kind: z.literal('unknown'), because }),
]);

const side = z.object({
  who: z.string().describe('the caller, the proxy, the app, another host, this host'),
  source: endpoint.optional().describe('where this side sees the packets of the caller come from'),
  destination: endpoint.describe('where this side sees them go'),
  original: endpoint.optional().describe('what the proxy is told when it asks for the original destination'),
});

/** `sidestep trace --connection -o json`: one connection, packet by packet. */
export const connectionDocument = z.object({
  schema: z.literal('sidestep/connection/1'),
  question: z.string().describe('the connection as it was asked about, in words'),
  outcome,
  possible: z.array(z.object({ outcome, because })).describe('other outcomes, where a rule cannot be decided'),
  sides: z.array(side).describe('who talks to whom, and what each side sees'),
  packets: z
    .array(
      z.object({
        name: z
          .string()
          .describe('SYN, SYN-ACK, ACK, data, data back, FIN, FIN back; first, reply, later; request, reply'),
        by: z.enum(['caller', 'answerer']),
        ...traceFields,
      }),
    )
    .describe('in order, up to the first that does not get through'),
});

export type ConnectionDocument = z.infer<typeof connectionDocument>;
