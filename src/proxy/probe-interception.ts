import type { Family } from '../address/index.ts';
import type { Endpoint, Owner } from '../linux/socket/index.ts';
import type { ProxyDialect } from './config.ts';
import { probe } from './probe.ts';
import type { ProbeRequest, ProbeResult } from './probe-result.ts';

/** The port that Istio's validation dials (`--iptables-probe-port`). */
export const PROBE_PORT = 15002;

/** An interception that is to be seen at work. */
export interface InterceptionProbe {
  readonly dialect: ProxyDialect;
  readonly families: readonly Family[];
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** The proxy's own uid, gid and mark, as the rules name them: the first of each. */
  readonly proxy: Owner & { readonly mark?: number | undefined };
  /** Whether all outbound traffic is caught: only then any address will do for the second way. Default true. */
  readonly allOutbound?: boolean;
  /** Default PROBE_PORT. */
  readonly port?: number;
  /** Milliseconds for each connection; default 5000. */
  readonly timeout?: number;
}

/** Addresses of this host that nothing is bound to: `lo` takes them, and the rules do not leave them alone. */
const UNUSED_LOCAL = { ipv4: '127.0.0.6', ipv6: '::6' } as const;
/** The kernel would send to ::6 from ::6, which the rules let pass. */
const FROM = { ipv4: '127.0.0.1', ipv6: '::1' } as const;
/** Addresses that nobody has: TEST-NET-1 (RFC 5737) and 2001:db8::/32 (RFC 3849). */
const NOWHERE = { ipv4: '192.0.2.1', ipv6: '2001:db8:ffff::1' } as const;

/**
 * Sees an interception at work, one result per family.
 *
 * Today's rules redirect what the proxy's own user sends over `lo` to the inbound port; so the probe speaks as that user,
 * where this process may (CAP_SETUID). Where it may not, any user's connection to an address that nobody has must arrive on
 * the outbound port. The rules of 2018 redirect everything on `lo`, whoever sends it.
 */
export async function probeInterception(asked: InterceptionProbe): Promise<readonly ProbeResult[]> {
  const results: ProbeResult[] = [];
  for (const family of asked.families) results.push(await probeFamily(asked, family));
  return results;
}

async function probeFamily(asked: InterceptionProbe, family: Family): Promise<ProbeResult> {
  const { dialect, proxy, outboundPort, inboundPort, allOutbound = true, port = PROBE_PORT, timeout } = asked;
  const to = (address: string): Endpoint => ({ family, address, port });
  const common = timeout === undefined ? {} : { timeout };
  if (dialect === 'istio-2018') {
    return await probe({
      ...common,
      destination: to(UNUSED_LOCAL[family]),
      from: FROM[family],
      expected: outboundPort,
    });
  }
  const { uid, gid, mark } = proxy;
  const asProxy: ProbeRequest = {
    ...common,
    destination: to(UNUSED_LOCAL[family]),
    from: FROM[family],
    expected: inboundPort,
    owner: { uid, gid },
    mark,
  };
  const first = await probe(asProxy);
  if (first.outcome !== 'impossible' || !allOutbound) return first;
  const second = await probe({ ...common, destination: to(NOWHERE[family]), expected: outboundPort });
  return second.outcome === 'impossible' ? first : second;
}
