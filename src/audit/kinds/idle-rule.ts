import { type Family, formatPortRange } from '../../address/index.ts';
import { difference } from '../../analysis/index.ts';
import { familyWord, outcomePhrase, placed, portRangesIn, refusalBy, ruleWords } from '../../explain/index.ts';
import { type BypassRequest, bypassesIn } from '../../interception/index.ts';
import {
  effectOf,
  type HeldRules,
  predicateOf,
  type Rule,
  type Snapshot,
  type TableName,
  TCP,
} from '../../netfilter/index.ts';
import { type Audited, deciding, exampleWords, fated, laneOf } from '../audited.ts';
import type { Finding } from '../finding.ts';
import { TCP_ONLY } from '../lanes.ts';
import { without } from '../without.ts';
import type { Kind } from './kind.ts';

/** A rule made by hand that is to let ports pass, and lets nothing pass. */
export const idleRule: Kind = {
  name: 'idle-rule',
  about:
    'A rule is to let ports pass the proxy by, and without it all would go the same way: they are caught elsewhere.',
  look: (audited) =>
    candidates(audited)
      .slice(0, MOST)
      .flatMap((one) => idle(audited, one)),
};

/** Each asks for a comparison of all packets: more of them are not looked at. */
const MOST = 6;

/** Where a rule would let connections pass: those that come in, and those that are sent. */
const WAYS = [
  { chain: 'PREROUTING', lane: 'inbound', direction: 'in' },
  { chain: 'OUTPUT', lane: 'outbound', direction: 'out' },
] as const;

interface Candidate {
  readonly held: HeldRules;
  readonly table: TableName;
  readonly way: (typeof WAYS)[number];
  readonly rule: Rule;
  readonly number: number;
}

function candidates({ snapshot, now }: Audited): readonly Candidate[] {
  const bypasses = new Set(bypassesIn(snapshot, now).map(({ rule }) => rule));
  return snapshot.held.flatMap((held) =>
    held.rules.tables.flatMap(({ name: table, chains }) =>
      WAYS.flatMap((way) => {
        const rules = chains.find(({ name }) => name === way.chain)?.rules ?? [];
        return rules.flatMap((rule, at): readonly Candidate[] => {
          const passes = ['return', 'accept'].includes(effectOf(rule.target, held.rules.family).kind);
          const meant = TABLES.includes(table) && passes && !bypasses.has(rule) && isOfTcp(rule, held.rules.family);
          return meant && portRangesIn(rule, held.rules.family).length > 0
            ? [{ held, table, way, rule, number: at + 1 }]
            : [];
        });
      }),
    ),
  );
}

function isOfTcp(rule: Rule, family: Family): boolean {
  const predicate = predicateOf(rule, family);
  const parts = predicate.kind === 'all' ? predicate.of : [predicate];
  return parts.some(
    (part) =>
      part.kind === 'in' &&
      part.field === 'protocol' &&
      part.ranges.every(([low, high]) => low === TCP && high === TCP),
  );
}

/** Those in which meshes catch connections. */
const TABLES: readonly TableName[] = ['mangle', 'nat'];

function idle(audited: Audited, { held, table, way, rule, number }: Candidate): readonly Finding[] {
  const { family } = held.rules;
  const ports = portRangesIn(rule, family);
  const [port] = ports[0]!;
  const caught = fated(laneOf(audited, way.lane, family), 'proxy')?.where(TCP_ONLY);
  const found = audited.example(caught?.where({ kind: 'in', field: 'destinationPort', ranges: [[port, port]] }));
  if (!found || !isIdle(audited, without(audited.snapshot, held, rule), family, way.direction)) return [];
  const { question } = found;
  const example = audited.followed({ ...question, packet: { ...question.packet, destinationPort: port } });
  const { backend } = held;
  const line = rule.line === undefined ? {} : { line: rule.line };
  const place = `${familyWord(family)} ${table} ${way.chain} ${number} (${ruleWords(rule, family)})`;
  return [
    {
      level: 'medium',
      family,
      says: `${place} lets nothing pass: ${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}.`,
      example,
      rules: [{ family, table, backend, chain: way.chain, number, ...line }, ...deciding(example.trace)],
      mend:
        way.lane === 'inbound'
          ? bypassed(audited, ports)
          : 'put it before what catches these connections, in the same table',
    },
  ];
}

/** The bypass that does what the rule was to do, where that would not be refused. */
function bypassed({ snapshot, now, proxyPorts, command }: Audited, ports: BypassRequest['ports']): string {
  const { proof } = placed(snapshot, { ports, now }, proxyPorts);
  return refusalBy(proof) === undefined
    ? command(`bypass ${ports.map((range) => formatPortRange(range, '-')).join(' ')} --apply`)
    : 'take it away, or put it before what catches these connections';
}

/** Throws TooComplex. */
const isIdle = (
  { snapshot, proxyPorts }: Audited,
  less: Snapshot,
  family: Family,
  direction: (typeof WAYS)[number]['direction'],
): boolean => difference({ snapshot, proxyPorts }, { snapshot: less, proxyPorts }, family, direction).length === 0;
