import { familyWord, outcomePhrase } from '../../explain/index.ts';
import { deciding, exampleWords } from '../audited.ts';
import type { Finding } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Connections are turned to a port where nobody listens. */
export const deafProxy: Kind = {
  name: 'deaf-proxy',
  about: 'Connections are turned to a port of the proxy where nobody listens: they are refused.',
  look(audited) {
    const told = new Set<string>();
    return audited.lanes.flatMap((lane) =>
      lane.ends.flatMap(({ end, fate, packets }): readonly Finding[] => {
        if (fate !== 'proxy' || end.kind !== 'nobody listens') return [];
        const port = `${lane.family} ${end.port}`;
        const example = audited.example(packets);
        if (told.has(port) || !example) return [];
        told.add(port);
        const packet = `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;
        return [
          {
            level: 'high',
            family: lane.family,
            says: `${lane.name} ${familyWord(lane.family)} is turned to :${end.port}, and nobody listens there: ${packet}.`,
            example,
            rules: deciding(example.trace),
            mend: `start the proxy on :${end.port}; or turn connections to the port that it does listen on`,
          },
        ];
      }),
    );
  },
};
