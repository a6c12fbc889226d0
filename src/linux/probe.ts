import { fileURLToPath } from 'node:url';
import type { Family } from '../address/index.ts';
import { run } from './command.ts';
import type { Namespace } from './namespace.ts';
import type { Endpoint } from './socket/address.ts';

/** A live probe of an interception: a connection that the rules must hand to the proxy's port. */
export interface Probe {
  readonly family: Family;
  /** The port that the rules send it to. */
  readonly proxyPort: number;
  /** The port that is dialled, where nobody listens (Istio's 15002). */
  readonly port: number;
  /** Whom the connection belongs to: only the proxy's own calls over `lo` are sent back to its inbound port. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly mark?: number | undefined;
  /** Milliseconds. */
  readonly timeout: number;
}

/** What became of it. */
export interface ProbeResult {
  readonly family: Family;
  /** What was dialled. */
  readonly dialled: Endpoint;
  /** Whether the connection reached the proxy's port with its original destination, address and port. */
  readonly ok: boolean;
  /** The socket that it reached, where it is known. */
  readonly reached?: Endpoint;
  /** Its original destination; not known where the proxy itself took the connection. */
  readonly original?: Endpoint;
  /** Why it is not ok, or what could not be told. */
  readonly because?: string;
}

const CHILD = fileURLToPath(new URL('./probe-child.js', import.meta.url));

/**
 * Makes the connection inside a namespace, as Istio's validation does: to 127.0.0.6 (or ::6), an address that only the
 * rules lead anywhere. Where the proxy is not running yet, the probe listens on its port meanwhile.
 */
export async function probeInterception(namespace: Namespace, probe: Probe): Promise<ProbeResult> {
  const argv = [...namespace.enter, process.execPath, CHILD, JSON.stringify(probe)];
  const done = await run(argv, { timeout: probe.timeout + 5000 });
  const dialled = dialledBy(probe);
  if (done.status !== 0) {
    const [said = 'it ended without a word'] = done.stderr.trim().split('\n').filter(Boolean).slice(-1);
    return { family: probe.family, dialled, ok: false, because: `the probe could not run: ${said}` };
  }
  return { family: probe.family, dialled, ...(JSON.parse(done.stdout) as Omit<ProbeResult, 'family' | 'dialled'>) };
}

/** 127.0.0.6 and ::6 are the proxy's own addresses in Istio's rules. */
export const dialledBy = ({ family, port }: Pick<Probe, 'family' | 'port'>): Endpoint => ({
  family,
  address: family === 'ipv4' ? '127.0.0.6' : '::6',
  port,
});
