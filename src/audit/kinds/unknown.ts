import { boxesOf } from '../../analysis/index.ts';
import { boxWords, familyWord } from '../../explain/index.ts';
import { deciding } from '../audited.ts';
import type { Finding } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Connections of which nobody can say where they go. */
export const unknownEnd: Kind = {
  name: 'unknown',
  about: 'Where some connections go is not known, because something that decides it is not.',
  look: (audited) =>
    audited.lanes.flatMap(({ name, family, direction, all, ends }) =>
      ends.flatMap(({ end, fate, packets }): readonly Finding[] => {
        const example = fate === 'unknown' ? audited.example(packets) : undefined;
        if (!example) return [];
        const { boxes, complete } = boxesOf(packets, 2, all);
        const words = boxes.map((box) => boxWords(box, family, direction)).join('; ');
        return [
          {
            level: 'info',
            family,
            says: `where some of ${name} ${familyWord(family)} goes is not known, because ${end.because}: ${words}${complete ? '' : '; and others'}.`,
            example,
            rules: deciding(example.trace),
          },
        ];
      }),
    ),
};
