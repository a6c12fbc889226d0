import { familyWord, purposeOf } from '../../explain/index.ts';
import type { Listener } from '../../netfilter/index.ts';
import { type Audited, deciding, exampleBy, exampleWords, fated, laneOf } from '../audited.ts';
import { isDodger } from '../dodgers.ts';
import type { Finding } from '../finding.ts';
import { TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** An app runs as the user whose connections pass. */
export const appExempt: Kind = {
  name: 'app-exempt',
  about: "An app runs as the proxy's user: its own connections go past the proxy.",
  look: (audited) =>
    audited.families.flatMap((family) => {
      const [inbound, outbound] = [laneOf(audited, 'inbound', family), laneOf(audited, 'outbound', family)];
      const caught = fated(outbound, 'proxy')?.where(TCP_ONLY);
      const served = fated(inbound, 'proxy')?.where(TCP_ONLY);
      if (!caught || !served) return [];
      const told = new Set<number>();
      return (audited.snapshot.listeners ?? []).flatMap((listener): readonly Finding[] => {
        const { protocol, port, uid, process } = listener;
        // Whose port is intercepted is an app; the proxy's own are not, nor those that only this host reaches.
        if (isOfProxy(audited, listener) || isLocal(listener)) return [];
        const at = { kind: 'in', field: 'destinationPort', ranges: [[port, port]] } as const;
        if (protocol !== 'tcp' || uid === undefined || told.has(uid)) return [];
        if (served.where(at).isEmpty) return [];
        const by = { kind: 'in', field: 'uid', ranges: [[uid, uid]] } as const;
        const example = exampleBy(audited, fated(outbound, 'direct')?.where(TCP_ONLY), 'uid', uid);
        if (!example || !caught.where(by).isEmpty) return [];
        const rules = deciding(example.trace);
        if (isDodger(audited, rules)) return [];
        told.add(uid);
        const who = process ? `${process.name} (pid ${process.pid})` : 'the app';
        return [
          {
            level: 'high',
            family,
            says:
              `${who} on :${port} runs as uid ${uid}, whose outbound ${familyWord(family)} connections pass the proxy by: ` +
              `${exampleWords(example)}.`,
            example,
            rules,
            mend: `run the app as another user than the proxy's`,
          },
        ];
      });
    }),
};

/** Ports of a mesh's agent, which runs beside its proxy and as its user. */
const AGENT = /^(?:Envoy|Istio|Linkerd|HBONE) /;

/** Whether it is the proxy's, the agent's, or the port of a process that has one of these, too. */
function isOfProxy({ snapshot, proxyPorts }: Audited, { port, process }: Listener): boolean {
  const isTheirs = (one: number): boolean => proxyPorts.includes(one) || AGENT.test(purposeOf(one) ?? '');
  if (isTheirs(port)) return true;
  return (
    process !== undefined &&
    (snapshot.listeners ?? []).some((one) => one.process?.pid === process.pid && isTheirs(one.port))
  );
}

/** Whether only this host itself reaches it. */
const isLocal = ({ family, address }: Listener): boolean =>
  family === 'ipv4' ? Number(address) >>> 24 === 127 : BigInt(address) === 1n;
