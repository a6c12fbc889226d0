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

export type ListingDocument = z.infer<typeof listingDocument>;
