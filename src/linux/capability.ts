import { readFileSync } from 'node:fs';
import type { Capability } from './refusal.ts';

/** Bit numbers of linux/capability.h. */
const BIT: Readonly<Record<Capability, bigint>> = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_SYS_PTRACE: 19n };

/** Whether this process has a capability, in the user namespace it lives in. Where /proc does not say, true: the kernel will. */
export function hasCapability(capability: Capability): boolean {
  try {
    const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return effective === undefined || ((BigInt(`0x${effective}`) >> BIT[capability]) & 1n) === 1n;
  } catch {
    return true;
  }
}
