import { outcomePhrase } from '../../explain/index.ts';
import { deciding, exampleWords } from '../audited.ts';
import type { Example, Finding } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Options that void each other. */
export const voidOption: Kind = {
  name: 'void-option',
  about: 'What was asked for has no effect, because something else that was asked for voids it.',
  look: (audited) =>
    (audited.written?.program.notices ?? []).flatMap(({ about, message, packet }): readonly Finding[] => {
      if (SHOWN_OTHERWISE.includes(about)) return [];
      const example = packet === undefined ? undefined : audited.asked(packet);
      return [
        {
          level: 'info',
          says: `${about}: ${message}${example ? `: ${whither(example)}` : ''}.`,
          ...(example ? { example, rules: deciding(example.trace) } : { rules: [] }),
          mend: `leave out of ${about} what has no effect, or change what voids it`,
        },
      ];
    }),
};

const whither = (example: Example): string => `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;

/** Which families are wanted is what the lanes show; whether the proxy can be told from others, `loop` and `root-exempt`. */
const SHOWN_OTHERWISE: readonly string[] = ['families', 'proxy'];
