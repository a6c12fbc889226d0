import { familyWord } from '../../explain/index.ts';
import { deciding, exampleWords, fated, laneOf } from '../audited.ts';
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
      return (audited.snapshot.listeners ?? []).flatMap(({ protocol, port, uid, process }): readonly Finding[] => {
        // Whose port is intercepted is an app; the proxy's own are not.
        const at = { kind: 'in', field: 'destinationPort', ranges: [[port, port]] } as const;
        if (protocol !== 'tcp' || uid === undefined || told.has(uid) || audited.proxyPorts.includes(port)) return [];
        if (served.where(at).isEmpty) return [];
        const by = { kind: 'in', field: 'uid', ranges: [[uid, uid]] } as const;
        const example = audited.example(fated(outbound, 'direct')?.where(TCP_ONLY).where(by));
        if (!example || !caught.where(by).isEmpty) return [];
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
            rules: deciding(example.trace),
            mend: `run the app as another user than the proxy's`,
          },
        ];
      });
    }),
};
