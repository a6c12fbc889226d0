import { z } from 'zod';
import { backend, family, hookName, place, port } from './common.ts';

const table = z.string().describe('nat, or of a native table its family and name: inet istio-proxy-nat');

const packet = z.object({
  family,
  protocol: z.string(),
  source: z.string().optional(),
  sourcePort: port.optional(),
  destination: z.string(),
  destinationPort: port.optional(),
  in: z.string().optional().describe('incoming interface; left out where there is none or it is not known'),
  out: z.string().optional(),
  mark: z.int().optional(),
  state: z.string().optional().describe('the connection state, as --ctstate names it'),
  uid: z.int().optional(),
  gid: z.int().optional(),
  ttl: z.int().optional().describe('hops left, IPv6: the hop limit'),
  tcpFlags: z.string().optional().describe('TCP flags as iptables names them: SYN,ACK; NONE'),
  sourceMac: z.string().optional().describe('the hardware address of the sender, of a packet that came in'),
  icmpType: z.int().optional(),
  icmpCode: z.int().optional(),
});

export const endpoint = z.object({ address: z.string(), port });
const because = z.string();

export const outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('proxy'), port, original: endpoint.optional(), because }),
  z.object({ kind: z.literal('app'), port, because }),
  z.object({ kind: z.literal('dropped'), because }),
  z.object({ kind: z.literal('rejected'), with: z.string(), because }),
  z.object({ kind: z.literal('forwarded'), out: z.string(), because }),
  z.object({ kind: z.literal('sent'), out: z.string(), because }),
  z.object({ kind: z.literal('delivered'), because }),
  z.object({ kind: z.literal('nobody listens'), port, because }),
  z.object({
    kind: z.literal('answered'),
    from: endpoint.describe('where the caller sees the answer come from'),
    out: z.string().optional(),
    because,
  }),
  z.object({ kind: z.literal('astray'), because }),
  z.object({ kind: z.literal('unknown'), because }),
]);

const step = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hook'), hook: hookName, pass: z.union([z.literal(1), z.literal(2)]), packet }),
  z.object({
    kind: z.literal('table'),
    hook: hookName,
    table,
    chain: z.string().optional().describe('of a native table: the base chain that is asked'),
    backend: z.union([backend, z.literal('native')]),
    silent: z.string().optional().describe('why no rule of it was looked at'),
    changed: packet.optional().describe('the packet, where it was rewritten without asking a rule'),
  }),
  z.object({
    kind: z.literal('rule'),
    hook: hookName,
    ...place.shape,
    number: z.int().min(0).describe('one-based position in the chain; of a live packet 0: the rule came later'),
    table,
    depth: z.int().describe('how many jumps deep: 0 in the built-in chain'),
    rule: z.string().describe("the rule in the words of iptables-save, without -A CHAIN, or in nft's"),
    answer: z.enum(['matched', 'passed by', 'undecided']),
    why: z.string().optional().describe('passed by or undecided: the condition that decided so'),
    effect: z.string().optional().describe('matched: what the rule did'),
    changed: packet.optional().describe('matched: the packet after it, where it was changed'),
    taken: z.boolean().optional().describe('undecided: which way this walk went'),
    note: z.string().optional().describe('matched: where the kernel did something else or more than the effect says'),
  }),
  z.object({ kind: z.literal('policy'), table, chain: z.string(), policy: z.string() }),
  z.object({ kind: z.literal('route'), decision: z.string() }),
  z.object({
    kind: z.literal('socket'),
    decision: z.string(),
    listener: z
      .object({
        ...endpoint.shape,
        process: z.object({ pid: z.int(), name: z.string() }).optional(),
      })
      .optional(),
  }),
]);

/** What is told of every packet that is followed. */
export const traceFields = {
  question: z.string().describe('the packet as it was asked about, in words'),
  direction: z.enum(['in', 'out']),
  inReplyTo: z.string().optional().describe('where an answer is followed: the packet that it answers, in words'),
  packet: packet.describe('the packet as it started'),
  assumptions: z.array(z.string()).describe('what was taken for granted because the question did not say it'),
  outcome,
  possible: z.array(z.object({ outcome, because })).describe('other ends, where a rule cannot be decided'),
  final: packet.describe('the packet as it ended'),
  steps: z.array(step),
};

/** `sidestep trace -o json`: one packet's walk. */
export const traceDocument = z.object({ schema: z.literal('sidestep/trace/1'), ...traceFields });

export type TraceDocument = z.infer<typeof traceDocument>;
