import { boxesOf } from '../analysis/index.ts';
import {
  type AuditDocument,
  boxWords,
  endDocument,
  outcomeDocument,
  packetDocument,
  questionWords,
} from '../explain/index.ts';
import type { Audit, Named } from './audit.ts';
import type { Lane } from './lanes.ts';
import { notesOf } from './screen.ts';

/** What an audit found, as `audit -o json` prints it. */
export const auditDocument = (audit: Audit): AuditDocument => ({
  schema: 'sidestep/audit/1',
  origin: audit.origin,
  families: [...audit.families],
  proxyPorts: [...audit.proxyPorts],
  lanes: audit.lanes.map(laneDocument),
  tooComplex: [...audit.tooComplex],
  findings: audit.findings.map(findingDocument),
  notes: [...notesOf(audit)],
});

const laneDocument = ({ name, family, direction, all, ends }: Lane): AuditDocument['lanes'][number] => ({
  lane: name,
  family,
  ends: ends.map(({ end, fate, packets, perhaps }) => {
    const { boxes, complete } = boxesOf(packets, 12, all);
    return {
      fate,
      end: endDocument(end, family),
      sure: !perhaps,
      packets: boxes.map((box) => boxWords(box, family, direction)),
      complete,
    };
  }),
});

const findingDocument = ({
  kind,
  level,
  family,
  says,
  example,
  rules,
  mend,
}: Named): AuditDocument['findings'][number] => ({
  kind,
  level,
  ...(family === undefined ? {} : { family }),
  says,
  ...(example
    ? {
        example: {
          question: questionWords(example.question),
          packet: packetDocument(example.question.packet),
          outcome: outcomeDocument(example.trace.outcome, example.trace),
        },
      }
    : {}),
  rules: [...rules],
  ...(mend === undefined ? {} : { mend }),
});
