import type { Trace } from '../trace/index.ts';
import { type Catching, catchesExactly, type Strayed } from './catching.ts';
import { decidingStep } from './deciding.ts';
import { endPhrase } from './difference.ts';
import { outcomePhrase, questionWords } from './packet.ts';
import { movedTable, packetsSaid } from './proof-screen.ts';
import { stepRuleWords } from './rule.ts';
import { type Block, bad, faint, good, line, paragraph, table, warn } from './screen.ts';
import { familyWord, listed } from './words.ts';

/** Of all packets: what an interception catches here, what it should and does not, what it should not and does. */
export function catchingBlocks(catching: Catching): Block[] {
  const { caught, missed, extra, open } = catching;
  return [
    catchesExactly(catching)
      ? paragraph(line(good('✓ '), 'Of all packets, exactly what was asked for goes to the proxy:'), 2)
      : paragraph(line(bad('✗ '), 'Of all packets, not exactly what was asked for goes to the proxy, but this:'), 2),
    table(
      caught.map((one) => [
        line(`${one.direction === 'in' ? 'inbound' : 'from here'} ${familyWord(one.family)}`),
        line(packetsSaid(one, MOST_BOXES).join('; ')),
        line(endPhrase(one.end, one.packets)),
      ]),
      { indent: 2 },
    ),
    ...strayedBlocks('Asked for, and not caught, because of rules of others:', missed),
    ...strayedBlocks('Caught, and not asked for, because of rules of others:', extra),
    ...(open.length === 0
      ? []
      : [paragraph(line(warn('? '), `not known of some packets, because ${listed([...new Set(open)])}`), 2)]),
  ];
}

/** More boxes are not said. */
const MOST_BOXES = 3;

const strayedBlocks = (title: string, strayed: readonly Strayed[]): Block[] =>
  strayed.length === 0
    ? []
    : [
        paragraph(line(bad('✗ '), title), 2),
        ...strayed.flatMap((one) => [
          movedTable([one]),
          paragraph(
            line(
              faint('    for example  '),
              questionWords(one.example.question).replace(/, a new connection$/, ''),
              faint(`: ${outcomePhrase(one.example.outcome)}${lastRule(one.example)}`),
            ),
            4,
          ),
        ]),
      ];

/** The rule that decided, in its table's own words. */
function lastRule(trace: Trace): string {
  const step = decidingStep(trace);
  return step ? `; ${step.table} ${step.chain} ${step.number} decides: ${stepRuleWords(step)}` : '';
}
