import { z } from 'zod';

export const family = z.enum(['ipv4', 'ipv6']);
export const tableName = z.enum(['raw', 'mangle', 'nat', 'filter', 'security']);
export const hookName = z.enum(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);
export const backend = z.enum(['nft', 'legacy']);
export const port = z.int().min(0).max(65535);
export const ports = z.tuple([port, port]).describe('an inclusive range; one port has equal ends');
export const notices = z
  .array(z.object({ about: z.string(), message: z.string() }))
  .describe('what ought to be known of what was asked: an option that another voids, a value that cannot match');

export const place = z.object({
  table: tableName,
  chain: z.string(),
  number: z.int().min(1).describe('one-based position in the chain'),
});
