import { outcomePhrase } from '../../explain/index.ts';
import { type Audited, catching, deciding, exampleWords, lastMet } from '../audited.ts';
import type { Example, Finding, PlacedRule } from '../finding.ts';
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
          ...(example ? { example, rules: responsible(audited, example) } : { rules: [] }),
          mend: `leave out of ${about} what has no effect, or change what voids it`,
        },
      ];
    }),
};

/** The rule that decides; of what is not caught in this family that of the other one, or the last rule that it comes by. */
function responsible(audited: Audited, example: Example): readonly PlacedRule[] {
  const other = example.question.packet.family === 'ipv4' ? 'ipv6' : 'ipv4';
  const ways = [deciding(example.trace), catching(audited, other, example), lastMet(example.trace)];
  return ways.find((rules) => rules.length > 0) ?? [];
}

const whither = (example: Example): string => `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;

/** Which families are wanted is what the lanes show; whether the proxy can be told from others, `loop` and `root-exempt`. */
const SHOWN_OTHERWISE: readonly string[] = ['families', 'proxy'];
