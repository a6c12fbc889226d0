// The shapes of every `-o json` document. The code that makes the documents takes its types from here (types only, so
// no command loads zod); scripts/schema.js writes docs/schema from it; tests check real documents with it.
import { z } from 'zod';

const family = z.enum(['ipv4', 'ipv6']);
const tableName = z.enum(['raw', 'mangle', 'nat', 'filter', 'security']);
const hookName = z.enum(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);
const backend = z.enum(['nft', 'legacy']);
const port = z.int().min(0).max(65535);
const ports = z.tuple([port, port]).describe('an inclusive range; one port has equal ends');
const notices = z
  .array(z.object({ about: z.string(), message: z.string() }))
  .describe('what ought to be known of what was asked: an option that another voids, a value that cannot match');

const place = z.object({
  table: tableName,
  chain: z.string(),
  number: z.int().min(1).describe('one-based position in the chain'),
});

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
});

const endpoint = z.object({ address: z.string(), port });
const because = z.string();

const outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('proxy'), port, original: endpoint.optional(), because }),
  z.object({ kind: z.literal('app'), port, because }),
  z.object({ kind: z.literal('dropped'), because }),
  z.object({ kind: z.literal('rejected'), with: z.string(), because }),
  z.object({ kind: z.literal('forwarded'), out: z.string(), because }),
  z.object({ kind: z.literal('sent'), out: z.string(), because }),
  z.object({ kind: z.literal('delivered'), because }),
  z.object({ kind: z.literal('nobody listens'), port, because }),
  z.object({ kind: z.literal('unknown'), because }),
]);

const step = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hook'), hook: hookName, pass: z.union([z.literal(1), z.literal(2)]), packet }),
  z.object({
    kind: z.literal('table'),
    hook: hookName,
    table: tableName,
    backend,
    silent: z.string().optional().describe('why no rule of it was looked at'),
  }),
  z.object({
    kind: z.literal('rule'),
    hook: hookName,
    ...place.shape,
    depth: z.int().describe('how many jumps deep: 0 in the built-in chain'),
    rule: z.string().describe("the rule in iptables-save's words, without -A CHAIN"),
    answer: z.enum(['matched', 'passed by', 'undecided']),
    why: z.string().optional().describe('passed by or undecided: the condition that decided so'),
    effect: z.string().optional().describe('matched: what the rule did'),
    changed: packet.optional().describe('matched: the packet after it, where it was changed'),
    taken: z.boolean().optional().describe('undecided: which way this walk went'),
    note: z.string().optional().describe('matched: where the kernel did something else or more than the effect says'),
  }),
  z.object({ kind: z.literal('policy'), table: tableName, chain: z.string(), policy: z.string() }),
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

/** `sidestep trace -o json`: one packet's walk. */
export const traceDocument = z.object({
  schema: z.literal('sidestep/trace/1'),
  question: z.string().describe('the packet as it was asked about, in words'),
  direction: z.enum(['in', 'out']),
  packet: packet.describe('the packet as it started'),
  assumptions: z.array(z.string()).describe('what was taken for granted because the question did not say it'),
  outcome,
  possible: z.array(z.object({ outcome, because })).describe('other ends, where a rule cannot be decided'),
  final: packet.describe('the packet as it ended'),
  steps: z.array(step),
});

const caught = z.object({
  direction: z.enum(['inbound', 'outbound']),
  protocol: z.enum(['tcp', 'udp', 'any']),
  ports: z.union([z.literal('*'), z.array(ports)]),
  exceptPorts: z.array(ports),
  destinations: z.union([z.literal('*'), z.array(z.string())]),
  exceptDestinations: z.array(z.string()),
  exceptOwners: z.array(z.string()),
  proxyPort: port,
});

const bypass = z.object({
  family,
  ...place.shape,
  ports: z.array(ports),
  rule: z.string(),
  expires: z.string().optional().describe('when the kernel stops matching it, ISO 8601'),
  expired: z.boolean(),
});

/** `sidestep list -o json`: what is intercepted, and the chains. */
export const listingDocument = z.object({
  schema: z.literal('sidestep/listing/1'),
  origin: z.string(),
  taken: z.string().optional(),
  interceptions: z.array(
    z.object({
      family,
      backend,
      dialect: z.string(),
      title: z.string(),
      mode: z.enum(['REDIRECT', 'TPROXY', 'NONE']),
      proxyPorts: z.array(port),
      caught: z.array(caught),
      foreign: z.array(place).describe('rules in built-in chains that the dialect did not write'),
    }),
  ),
  bypasses: z.array(bypass),
  notices: z.array(z.string()),
  rules: z.array(
    z.object({
      family,
      backend,
      tables: z.array(
        z.object({
          name: tableName,
          chains: z.array(
            z.object({
              name: z.string(),
              policy: z.string().optional(),
              rules: z.array(
                z.object({
                  rule: z.string(),
                  packets: z.string().optional().describe('a count may exceed what a number holds'),
                  bytes: z.string().optional(),
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  ),
});

export type TraceDocument = z.infer<typeof traceDocument>;
export type ListingDocument = z.infer<typeof listingDocument>;
export { notices };
