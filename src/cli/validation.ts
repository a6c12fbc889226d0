import type { Interception } from '../interception/index.ts';
import type { ProbeResult } from '../linux/index.ts';
import type { Asked } from './interception-flags.ts';
import type { NamespaceOptions } from './options.ts';
import { loadLinux, selector } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';

/** Where a live probe is made, and how. */
export interface ProbeOptions extends NamespaceOptions {
  /** The path of a network namespace, which goes before the other ways to name one. */
  readonly path?: string;
  readonly port: number;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Makes a real connection for each family that is intercepted, as the proxy's own user. */
export async function probe(interception: Interception, options: ProbeOptions): Promise<readonly ProbeResult[]> {
  const { openNamespace, probeInterception } = await loadLinux();
  const namespace = openNamespace(options.path === undefined ? selector(options) : { netns: options.path });
  const { dialect, families, inboundPort, outboundPort, proxy } = interception;
  const mark = proxy.marks[0];
  return Promise.all(
    families.map((family) =>
      probeInterception(namespace, {
        family,
        port: options.port,
        timeout: options.timeout,
        // In 2018 what leaves by lo goes where all outbound connections go.
        proxyPort: dialect === 'istio-2018' ? outboundPort : inboundPort,
        ...(mark === undefined ? { uid: idOf(proxy.uids), gid: idOf(proxy.gids) } : { mark }),
      }),
    ),
  );
}

/** The first id of a list whose items may be ranges. */
const idOf = (words: readonly string[]): number | undefined => {
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
  return results.every(({ ok }) => ok) ? EXIT.done : EXIT.validationFailed;
}
