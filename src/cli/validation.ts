import type { Interception } from '../interception/index.ts';
import type { ProbeResult } from '../proxy/index.ts';
import type { Asked } from './interception-flags.ts';
import type { NamespaceOptions } from './options.ts';
import { loadLinux, selector } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';

/** Where a live probe is made, and how. */
export interface ProbeOptions extends NamespaceOptions {
  /** The path of a network namespace, which goes before the other ways to name one. */
  readonly path?: string;
  /** The port that is dialled; Istio's 15002 by default. */
  readonly port?: number;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Makes a real connection for each family that is intercepted, as the proxy's own user. */
export async function probe(interception: Interception, options: ProbeOptions): Promise<readonly ProbeResult[]> {
  const [{ openNamespace }, { probeFrom }] = await Promise.all([loadLinux(), import('../proxy/index.ts')]);
  const { enter } = openNamespace(options.path === undefined ? selector(options) : { netns: options.path });
  const { dialect, families, inboundPort, outboundPort, outbound, proxy } = interception;
  return probeFrom(enter, {
    // The native form brings connections to the same ports.
    dialect: dialect === 'istio-nft' ? 'istio' : dialect,
    // The form of 2018 knows IPv4 only.
    families: dialect === 'istio-2018' ? ['ipv4'] : families,
    inboundPort,
    outboundPort,
    allOutbound: outbound.include === '*' && outbound.ownerGroups.include === '*',
    proxy: { uid: firstId(proxy.uids), gid: firstId(proxy.gids), mark: proxy.marks[0] },
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  });
}

/** The first id of a list whose items may be ranges. */
const firstId = (words: readonly string[]): number | undefined => {
  const [first] = /^\d+/.exec(words[0] ?? '') ?? [];
  return first === undefined ? undefined : Number(first);
};

/** Istio's own validation: says what became of the probe; exit 126 where it did not reach the proxy's port. */
export async function validate(
  { interception, request }: Asked,
  options: NamespaceOptions & { readonly path?: string },
  terminal: Terminal,
): Promise<ExitStatus> {
  const results = await probe(interception, { ...options, port: request.probePort, timeout: request.probeTimeout });
  const { probeBlocks } = await import('../explain/index.ts');
  await terminal.say(probeBlocks(results), 'warn');
  const reached = results.every(({ outcome }) => outcome === 'redirected' || outcome === 'taken');
  return reached ? EXIT.done : EXIT.validationFailed;
}
