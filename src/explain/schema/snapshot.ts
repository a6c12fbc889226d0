import { z } from 'zod';
import { ROUTE_KINDS, UNREAD } from '../../netfilter/index.ts';
import { backend, family, port } from './common.ts';

const address = z.string().describe('an IPv4 or IPv6 address');

/** `sidestep snapshot`: all that decides a packet's fate in one network namespace. What was not read is left out. */
export const snapshotDocument = z.object({
  schema: z.literal('sidestep/snapshot/1'),
  origin: z.string(),
  taken: z.string().optional(),
  rules: z.array(
    z.object({
      backend,
      family,
      save: z
        .string()
        .describe('what iptables-save -c prints; a rule that only nft shows is -A CHAIN nft: and its words'),
      unreadable: z.boolean().optional().describe('a rule in it could not be read'),
      nft: z
        .string()
        .optional()
        .describe('the rules that only nft shows, as it lists them, with the sets that they name'),
    }),
  ),
  native: z
    .object({
      list: z.string().describe('what nft -a list ruleset prints'),
      unreadable: z.boolean().optional().describe('a rule in it could not be read'),
    })
    .optional()
    .describe('the tables of nftables that iptables does not show'),
  orderUnknown: z
    .boolean()
    .optional()
    .describe('both back ends hold rules in one table, and which of them runs first was not read'),
  interfaces: z
    .array(
      z.object({
        name: z.string(),
        index: z.int(),
        up: z.boolean(),
        addresses: z
          .array(
            z.object({
              address: z.string().describe('with its prefix length: 10.0.0.5/24'),
              scope: z.enum(['global', 'site', 'link', 'host']),
              secondary: z.boolean().optional(),
            }),
          )
          .describe('in the order in which ip address lists them'),
      }),
    )
    .optional(),
  routes: z
    .array(
      z.object({
        family,
        destination: z.string().describe('with its prefix length, or "default"'),
        table: z.int(),
        kind: z.enum(ROUTE_KINDS),
        device: z.string().optional(),
        gateway: address.optional(),
        source: address.optional(),
        metric: z.int(),
        hops: z.int().optional().describe('of a route with several next hops, of which this is one'),
      }),
    )
    .optional(),
  routingRules: z
    .array(
      z.object({
        family,
        priority: z.int(),
        table: z.int(),
        mark: z.object({ value: z.int(), mask: z.int() }).optional(),
        other: z.string().optional().describe("anything else the rule asks for, in ip's words"),
      }),
    )
    .optional(),
  listeners: z
    .array(
      z.object({
        family,
        protocol: z.enum(['tcp', 'udp']),
        address,
        port,
        dual: z.boolean().optional().describe('bound to :: and takes IPv4 too'),
        transparent: z.boolean().optional(),
        device: z.string().optional(),
        uid: z.int().optional(),
        process: z.object({ pid: z.int(), name: z.string() }).optional(),
      }),
    )
    .optional(),
  sysctls: z
    .object({
      ipForward: z.boolean().optional(),
      ipv6Forward: z.boolean().optional(),
      routeLocalnet: z.array(z.string()).optional(),
      rpFilter: z
        .array(z.object({ interface: z.string(), mode: z.enum(['strict', 'loose']) }))
        .optional()
        .describe('interfaces, or all, on which rp_filter is on'),
    })
    .optional(),
  clocks: z
    .object({
      nft: z.literal('UTC').optional().describe("times of day and dates in nft's own rules are in UTC"),
      kernelWest: z.int().optional().describe("the kernel's own time zone in minutes west of UTC"),
    })
    .optional(),
  ipsets: z.string().optional().describe('what ipset save prints'),
  unread: z
    .array(
      z.object({
        about: z.enum(UNREAD),
        what: z.string(),
        because: z.string(),
        hint: z.string().optional(),
      }),
    )
    .optional(),
});

export type SnapshotDocument = z.infer<typeof snapshotDocument>;
