import { z } from 'zod';
import { backend, family, place, port, ports, tableName } from './common.ts';

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

export const bypass = z.object({
  family,
  backend,
  ...place.shape,
  kind: z.enum(['inbound', 'self', 'edit']),
  ports: z.array(ports),
  rule: z.string(),
  until: z.string().optional().describe('when the kernel stops matching it, ISO 8601'),
  expired: z.boolean(),
  idle: z.boolean().describe('it lets nothing pass now: without it its ports would reach the app all the same'),
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
  backendTold: z
    .literal(false)
    .optional()
    .describe('the text does not tell the back end, as iptables -L does not: it is taken to be nft'),
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

const nativeTable = z.object({
  family: z.enum(['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev']),
  name: z.string(),
  followed: z.boolean().describe('whether sidestep trace follows packets through it'),
  flags: z.array(z.string()).describe('dormant: no packet passes it'),
  sets: z.array(
    z.object({
      name: z.string(),
      set: z.string().describe('what it is of, as nft says it'),
      elements: z.int(),
    }),
  ),
  chains: z.array(
    z.object({
      name: z.string(),
      hook: z.string().optional().describe('of a base chain: nat hook prerouting priority dstnat'),
      policy: z.enum(['accept', 'drop']).optional(),
      rules: z.array(
        z.object({
          rule: z.string().describe('as nft -s lists it'),
          handle: z.int().optional(),
          packets: z.string().optional(),
          bytes: z.string().optional(),
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
  native: z.array(nativeTable).optional().describe('tables of nftables that iptables does not show'),
});

export type ListingDocument = z.infer<typeof listingDocument>;
