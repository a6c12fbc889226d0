import { idleBypasses } from '../../interception/index.ts';
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

/** Bypasses that let nothing pass. */
export const idleBypass: Kind = {
  name: 'idle-bypass',
  about: 'A bypass lets nothing pass: without it, its ports would go past the proxy all the same.',
  look: ({ snapshot, now, name }) =>
    idleBypasses(snapshot, now).map(({ family, backend, table, chain, number, ports }): Finding => {
      const words = ports.map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(' ');
      return {
        level: 'info',
        family,
        says: `the bypass of tcp ${words} in ${table} ${chain} ${number} has no effect now.`,
        rules: [{ family, backend, table, chain, number }],
        mend: `${name} bypass ${words} --undo`,
      };
    }),
};
