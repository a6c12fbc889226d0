import type { Finding } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Options that void each other. */
export const voidOption: Kind = {
  name: 'void-option',
  about: 'What was asked for has no effect, because something else that was asked for voids it.',
  look: ({ written }) =>
    (written?.program.notices ?? []).flatMap(({ about, message }): readonly Finding[] =>
      // Which families are wanted is what the lanes show.
      about === 'families' ? [] : [{ level: 'info', says: `${about}: ${message}.`, rules: [] }],
    ),
};
