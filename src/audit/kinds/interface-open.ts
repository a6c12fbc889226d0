import { familyWord, outcomePhrase } from '../../explain/index.ts';
import { deciding, exampleWords, fated } from '../audited.ts';
import type { Finding } from '../finding.ts';
import { TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** What comes in by one interface is intercepted, and what comes by another is not. */
export const interfaceOpen: Kind = {
  name: 'interface-open',
  about: 'Connections that come in by one interface go through the proxy, and those by another do not.',
  look: (audited) =>
    audited.lanes
      .filter(({ name }) => name === 'inbound')
      .flatMap((lane) => {
        const caught = fated(lane, 'proxy')?.where(TCP_ONLY);
        const direct = fated(lane, 'direct')?.where(TCP_ONLY);
        if (!caught || caught.isEmpty || !direct) return [];
        const cards = (audited.snapshot.interfaces ?? []).filter(({ name, up }) => up && name !== 'lo');
        return cards.flatMap(({ name: card }): readonly Finding[] => {
          const by = { kind: 'name', field: 'in', text: card, prefix: false } as const;
          // The same packet by another interface is caught.
          const example = audited.example(direct.where(by).and(caught.whatever('in')));
          if (!example || !caught.where(by).isEmpty) return [];
          return [
            {
              level: 'medium',
              family: lane.family,
              says:
                `inbound ${familyWord(lane.family)} by ${card} is not intercepted, though it is by others: ` +
                `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}.`,
              example,
              rules: deciding(example.trace),
              mend: `take ${card} off the list of excluded interfaces; if it is meant to be there, nothing`,
            },
          ];
        });
      }),
};
