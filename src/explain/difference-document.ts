import { type Family, formatAddress } from '../address/index.ts';
import { boxesOf, type End, type Rewritten } from '../analysis/index.ts';
import type { RuleStep } from '../trace/index.ts';
import { decidingApart } from './deciding.ts';
import { type DifferenceTold, type Example, isDifferent } from './difference.ts';
import { questionWords } from './packet.ts';
import { boxWords } from './packet-set.ts';
import { stepRuleText } from './rule.ts';
import type { DifferenceDocument } from './schema/difference.ts';
import { outcomeDocument, packetDocument } from './trace-document.ts';

type ChangeDocument = DifferenceDocument['compared'][number]['changes'][number];

/** What two rule sets do differently, as `diff -o json` prints it. */
export const differenceDocument = (told: DifferenceTold): DifferenceDocument => ({
  schema: 'sidestep/difference/1',
  before: told.before,
  after: told.after,
  different: isDifferent(told),
  compared: told.compared.map(({ family, direction, changes, tooComplex }) => ({
    family,
    direction,
    ...(tooComplex === undefined ? {} : { tooComplex }),
    changes: changes.map(({ before, after, surely, possibly, atTimes, example }): ChangeDocument => {
      const { boxes, complete, others } = boxesOf(surely.isEmpty ? possibly : surely);
      return {
        before: endDocument(before, family),
        after: endDocument(after, family),
        sure: !surely.isEmpty,
        atTimes,
        packets: boxes.map((box) => boxWords(box, family, direction)),
        complete: complete && !others,
        ...(possibly.isOfNoProgram ? { fromNoProgram: true } : {}),
        ...(example ? { example: exampleDocument(example) } : {}),
      };
    }),
  })),
  ...(told.atTimes.length > 0 ? { atTimes: [...told.atTimes] } : {}),
  notes: [...told.notes],
});

function exampleDocument({ question, before, after }: Example): NonNullable<ChangeDocument['example']> {
  const decided = decidingApart(before, after);
  return {
    question: questionWords(question),
    packet: packetDocument(question.packet),
    before: outcomeDocument(before.outcome, before),
    after: outcomeDocument(after.outcome, after),
    ...(decided.before ? { decidedBefore: ruleDocument(decided.before) } : {}),
    ...(decided.after ? { decidedAfter: ruleDocument(decided.after) } : {}),
  };
}

const ruleDocument = (step: RuleStep): NonNullable<NonNullable<ChangeDocument['example']>['decidedBefore']> => ({
  table: step.table,
  chain: step.chain,
  number: step.number,
  rule: stepRuleText(step),
});

export function endDocument(end: End, family: Family): ChangeDocument['before'] {
  switch (end.kind) {
    case 'proxy':
    case 'app':
    case 'nobody listens':
      return { kind: end.kind, port: end.port };
    case 'rejected':
      return { kind: 'rejected', with: end.with };
    case 'forwarded':
    case 'sent':
      return {
        kind: end.kind,
        out: end.out,
        ...(end.to ? { to: rewrittenDocument(end.to, family) } : {}),
        ...(end.from ? { from: rewrittenDocument(end.from, family) } : {}),
      };
    default:
      return { kind: end.kind };
  }
}

const rewrittenDocument = ({ address, port }: Rewritten, family: Family) => ({
  ...(address === undefined ? {} : { address: formatAddress(family, address) }),
  ...(port === undefined ? {} : { port: port === 'open' ? ('any' as const) : port }),
});
