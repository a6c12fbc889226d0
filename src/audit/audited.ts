import { FAMILIES, type Family } from '../address/index.ts';
import type { PacketSet, RulePlace } from '../analysis/index.ts';
import { askedWords, compareAsWritten, type DriftFound, decidingStep, questionWords } from '../explain/index.ts';
import { dialectOf, type Interception, inferInterception, type Program, proxyPortsOf } from '../interception/index.ts';
import { type Backend, isShownWhole, rulesRead, type Snapshot, type Table } from '../netfilter/index.ts';
import { parseQuestion, prepare, type Question, QuestionRefused, type RuleStep, type Trace } from '../trace/index.ts';
import type { Example, PlacedRule } from './finding.ts';
import { type Fate, type Lane, type LaneName, type Lanes, lanesOf, unionOf } from './lanes.ts';

/** What is looked at: a snapshot, and what was found out of it once for all that look. */
export interface Audited extends Lanes {
  readonly snapshot: Snapshot;
  /** Seconds since 1970, for rules that end. */
  readonly now: number;
  /** The families whose rules were read. */
  readonly families: readonly Family[];
  readonly proxyPorts: readonly number[];
  /** What a dialect of Sidestep's would have written these rules from, and what it writes. */
  readonly written?: { readonly interception: Interception; readonly program: Program };
  /** What differs from what it writes; nothing where no dialect of Sidestep's wrote the rules, or where they are shown in part only. */
  readonly drifts: readonly DriftFound[];
  /** Routing that it lacks, or that is too much, in ip's words. */
  readonly routing: readonly string[];
  /** The command that writes the mesh's rules anew, as they should be; undefined where no dialect of Sidestep's wrote them. */
  readonly reconcile?: string;
  /** A command of the program's that mends something there, as it is typed. */
  readonly command: (words: string) => string;
  /** The command that writes an interception there, in the back end and with comments as they are. */
  readonly writing: (interception: Interception) => string;
  /** The words that put another command there: `ip netns exec node`. */
  readonly enter: readonly string[];
  /** One packet of a set, followed; undefined where the set is empty. */
  example(packets: PacketSet | undefined): Example | undefined;
  /** A packet, followed. */
  followed(question: Question): Example;
  /** The same of a packet in words; undefined where there is none such here. */
  asked(packet: string, family?: Family): Example | undefined;
}

export function auditedOf(
  snapshot: Snapshot,
  now: number,
  { command, enter }: Pick<Audited, 'command' | 'enter'>,
  asked?: Interception,
): Audited {
  const proxyPorts = proxyPortsOf(snapshot);
  const families = FAMILIES.filter((family) => rulesRead(snapshot, family));
  const interception = asked ?? inferInterception(snapshot);
  const written = interception && { interception, program: dialectOf(interception.dialect).write(interception) };
  const follow = prepare(snapshot, proxyPorts);
  const followed = (question: Question): Example => ({ question, trace: follow(question) });
  const compared = written && isShownWhole(snapshot) ? compareAsWritten(snapshot, written.program, now) : undefined;
  const comment = compared?.commented ? ' --comment' : '';
  const writing = (one: Interception): string =>
    command(`init ${askedWords(one).join(' ')}${comment} --reconcile${backendFlag(snapshot, compared)}`);
  return {
    ...lanesOf(snapshot, families, proxyPorts),
    snapshot,
    now,
    families,
    proxyPorts,
    ...(written ? { written } : {}),
    drifts: compared?.drifts ?? [],
    routing: compared?.routing ?? [],
    ...(written ? { reconcile: writing(written.interception) } : {}),
    command,
    writing,
    enter,
    example(packets) {
      const question = packets?.witness();
      return question && followed(question);
    },
    followed,
    asked(packet, family) {
      try {
        return followed(parseQuestion(packet, snapshot, { now: now * 1000, ...(family ? { family } : {}) }));
      } catch (error) {
        if (error instanceof QuestionRefused) return undefined;
        throw error;
      }
    },
  };
}

/** init would choose by what is in force: it is told the back end of the interception where the other one holds rules, too. */
function backendFlag({ held }: Snapshot, compared: { readonly backend: Backend } | undefined): string {
  const other = held.some(({ backend, rules }) => backend !== compared?.backend && rules.tables.some(holdsRules));
  return compared && other ? ` --backend ${compared.backend}` : '';
}

export const holdsRules = ({ chains }: Pick<Table, 'chains'>): boolean => chains.some(({ rules }) => rules.length > 0);

/** A packet that shows something, in words; that it opens a connection goes without saying. */
export const exampleWords = ({ question }: Example): string =>
  questionWords(question).replace(/, a new connection$/, '');

export const laneOf = ({ lanes }: Lanes, name: LaneName, family: Family): Lane | undefined =>
  lanes.find((lane) => lane.name === name && lane.family === family);

/** The packets of a lane that may have this fate. */
export const fated = (lane: Lane | undefined, fate: Fate): PacketSet | undefined =>
  unionOf((lane?.ends ?? []).filter((one) => one.fate === fate).map(({ packets }) => packets));

/** Those that have it whatever is not known. */
export const surelyFated = (lane: Lane | undefined, fate: Fate): PacketSet | undefined =>
  unionOf((lane?.ends ?? []).filter((one) => one.fate === fate && !one.perhaps).map(({ packets }) => packets));

/** A packet of these that a user or a group sends: sets do not tell apart those with whom no rule does anything of its own. */
export function exampleBy(
  { example, followed }: Pick<Audited, 'example' | 'followed'>,
  packets: PacketSet | undefined,
  field: 'uid' | 'gid',
  number: number,
): Example | undefined {
  const found = example(packets?.where({ kind: 'in', field, ranges: [[number, number]] }));
  if (!found || found.question.packet[field] === number) return found;
  return followed({ ...found.question, packet: { ...found.question.packet, [field]: number } });
}

/** Whether a packet's walk meets a rule. */
export const meets = ({ trace }: Example, { table, chain, number }: RulePlace): boolean =>
  trace.steps.some(
    (step) =>
      step.kind === 'rule' &&
      step.answer === 'matched' &&
      step.table === table &&
      step.chain === chain &&
      step.number === number,
  );

/** A packet of any lane of a family of which something holds; undefined where none of those that are tried is like that. */
export function exampleOf(
  { lanes, example }: Pick<Audited, 'lanes' | 'example'>,
  family: Family,
  holds: (example: Example) => boolean,
): Example | undefined {
  for (const lane of lanes) {
    if (lane.family !== family) continue;
    for (const { packets } of lane.ends) {
      const found = example(packets);
      if (found && holds(found)) return found;
    }
  }
  return undefined;
}

/** The rule that decided where a packet went: the last that it met which did more than send it on; none where no rule did. */
export function deciding(trace: Trace): readonly PlacedRule[] {
  const last = decidingStep(trace);
  return last ? [placeOf(trace, last)] : [];
}

/** The last rule that matched, though it only sent the packet on. */
export function lastMet(trace: Trace): readonly PlacedRule[] {
  const last = trace.steps.findLast((step): step is RuleStep => step.kind === 'rule' && step.answer === 'matched');
  return last ? [placeOf(trace, last)] : [];
}

/** The rule by which a family turns connections to the proxy that are like a packet of the other one. */
export function catching(audited: Audited, family: Family, { question }: Example): readonly PlacedRule[] {
  const { direction, packet } = question;
  const caught = fated(laneOf(audited, direction === 'in' ? 'inbound' : 'outbound', family), 'proxy');
  const like = LIKE.reduce((left, field) => {
    const value = packet[field];
    return value === undefined ? left : left?.where({ kind: 'in', field, ranges: [[value, value]] });
  }, caught);
  const other = audited.example(like);
  return other ? deciding(other.trace) : [];
}

const LIKE = ['protocol', 'destinationPort'] as const;

/** The rule that decided; where none surely did, the last that may have. */
export function decidingOrOpen(trace: Trace): readonly PlacedRule[] {
  const sure = deciding(trace);
  if (sure.length > 0) return sure;
  const open = trace.steps.findLast((step): step is RuleStep => step.kind === 'rule' && step.taken === true);
  return open ? [placeOf(trace, open)] : [];
}

/** Where a rule of a walk stands. */
export function placeOf(trace: Trace, { native, table, chain, number, rule }: RuleStep): PlacedRule {
  const backend = native ? 'native' : trace.steps.findLast((step) => step.kind === 'table')?.backend;
  const line = 'line' in rule ? rule.line : undefined;
  return {
    family: trace.question.packet.family,
    table,
    backend: backend ?? 'nft',
    chain,
    number,
    ...(line === undefined ? {} : { line }),
  };
}
