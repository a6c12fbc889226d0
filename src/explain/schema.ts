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

const include = <T extends z.ZodType>(item: T) => z.union([z.literal('*'), z.array(item)]);

const caught = z.object({
  direction: z.enum(['inbound', 'outbound', 'self']).describe("self: from a process here to this host's own address"),
  protocol: z.string(),
  ports: include(ports),
  exceptPorts: z.array(ports),
  sources: include(z.string()),
  exceptSources: z.array(z.string()),
  destinations: include(z.string()),
  exceptDestinations: z.array(z.string()),
  interfaces: include(z.string()),
  exceptInterfaces: z.array(z.string()),
  owners: include(z.string()),
  exceptOwners: z.array(z.string()),
  also: z.array(z.string()).describe('any other restriction, in words'),
  how: z.enum(['REDIRECT', 'TPROXY', 'DNAT']),
  proxyPort: port,
});

const interception = z.object({
  family,
  dialect: z.string(),
  title: z.string(),
  mode: z.enum(['REDIRECT', 'TPROXY', 'NONE']),
  proxyPorts: z.array(port),
  caught: z.array(caught),
  foreign: z.array(place).describe('rules in built-in chains that the product did not write'),
  doubts: z.array(z.string()),
});

const bypass = z.object({
  family,
  backend,
  ...place.shape,
  kind: z.enum(['inbound', 'self', 'edit']),
  ports: z.array(ports),
  rule: z.string(),
  until: z.string().optional().describe('when the kernel stops matching it, ISO 8601'),
  expired: z.boolean(),
});

const summaryLine = z.object({
  label: z.enum(['inbound', 'outbound', 'self', 'direct', 'refused', 'bypass']),
  traffic: z.string(),
  to: z.string().optional(),
  note: z.string().optional(),
  families: z.array(family),
});

const ruleSet = z.object({
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
              packets: z.string().optional().describe('in digits: a counter may exceed what a JSON number holds'),
              bytes: z.string().optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** `sidestep list -o json`: what is intercepted, and the chains. */
export const listingDocument = z.object({
  schema: z.literal('sidestep/listing/1'),
  origin: z.string(),
  taken: z.string().optional(),
  title: z.string().optional().describe('whose rules they are'),
  summary: z.array(summaryLine),
  doubts: z.array(z.string()).describe('why the summary may not be all or not be certain'),
  interceptions: z.array(interception),
  bypasses: z.array(bypass),
  unread: z.array(z.object({ about: z.string(), what: z.string(), because: z.string() })),
  rules: z.array(ruleSet),
});

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
export type TraceDocument = z.infer<typeof traceDocument>;
export type ListingDocument = z.infer<typeof listingDocument>;
export type ProgramDocument = z.infer<typeof programDocument>;
export type ChangeDocument = z.infer<typeof changeDocument>;
