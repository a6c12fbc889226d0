import type { NftStatement } from '../../netfilter/index.ts';
import { readConstant } from './read-expression.ts';
import { expect, expectWord, type Scanner, takeIf } from './tokens.ts';
import { Unknown } from './unknown.ts';

/** What stands behind `reject`. Without more it is port unreachable, in the way of the table's family. */
export function readReject(scanner: Scanner, family: string): NftStatement {
  if (!takeIf(scanner, 'with')) {
    return { kind: 'reject', type: defaultReject(family), code: { kind: 'value', value: 'port-unreachable' } };
  }
  const type = expectWord(scanner, 'one of tcp, icmp, icmpv6, icmpx');
  if (type === 'tcp') {
    expect(scanner, 'reset');
    return { kind: 'reject', type: 'tcp reset' };
  }
  if (type !== 'icmp' && type !== 'icmpv6' && type !== 'icmpx') {
    throw new Unknown(scanner, `reject with ${type} is nothing that Sidestep knows`);
  }
  takeIf(scanner, 'type');
  return { kind: 'reject', type, code: readConstant(scanner, 'icmp_code') };
}

/** How `reject` answers in a table of that family when nothing else is said. */
export const defaultReject = (family: string): 'icmp' | 'icmpv6' | 'icmpx' =>
  family === 'ip' ? 'icmp' : family === 'ip6' ? 'icmpv6' : 'icmpx';
