import { type HookName, isNftRule } from '../netfilter/index.ts';
import { ASSUMED, type Outcome, type RuleStep, type Step, type Trace } from '../trace/index.ts';
import type { Naming } from './condition.ts';
import { type Next, nextBlock } from './next.ts';
import { addressOf, OUTCOME_WORD, outcomePhrase, outcomeSentence, packetWords, questionWords } from './packet.ts';
import { whyNot } from './reason.ts';
import { endsTable, stepRuleWords, stepWords } from './rule.ts';
import {
  BLANK,
  type Block,
  bad,
  faint,
  good,
  type Line,
  line,
  name,
  paragraph,
  type Screen,
  strong,
  table,
  warn,
} from './screen.ts';
import { count, listed } from './words.ts';

export interface WalkOptions {
  /**
   * Which rules that did not match are shown: all of them, none, or (`fold`) all but those in the middle of a run so long
   * that it hides the ones that matter.
   */
  readonly show: 'all' | 'fold' | 'matched';
  /** What values are to the reader: uid 1337 is the proxy. */
  readonly naming?: Naming;
  /** What to do next, when there is something. */
  readonly next?: Next;
}

/** Rules in a row that did not match and that `fold` still shows one by one. */
const RUN = 8;

/** Lines of one table beyond which its middle is left out, unless all are asked for: nobody reads more. */
const MOST_ROWS = 1000;

/** Chains within chains that are still set in further; legacy takes them nested thousands deep. */
const DEEPEST = 16;

/** One packet's walk: the question, the outcome, then hook by hook and rule by rule why. */
export function walkScreen(trace: Trace, options: WalkOptions): Screen {
  const { question, outcome, possible } = trace;
  return [
    paragraph([...line(strong(questionWords(question))), ...assumed(question.assumptions)], 2),
    BLANK,
    headline(outcome, trace),
    ...takenForOwn(trace),
    ...(possible.length > 0 ? [possibleTable(possible)] : []),
    BLANK,
    ...walkTables(trace.steps, options),
    ...(options.next ? [nextBlock(options.next)] : []),
  ];
}

const possibleTable = (possible: Trace['possible']): Block =>
  table(
    possible.map((other) => [line(faint('possible')), line(outcomePhrase(other.outcome)), line(faint(other.because))]),
    { indent: 2 },
  );

/** What was taken for granted: first the parts of the packet, then the rest. */
export function assumed(assumptions: readonly string[]): Line {
  const ending = / assumed$/;
  const parts = assumptions.filter((text) => ending.test(text)).map((text) => text.replace(ending, ''));
  const rest = assumptions.filter((text) => !ending.test(text));
  const all = [...(parts.length > 0 ? [listed(parts)] : []), ...rest].join('; ');
  return all === '' ? [] : line(faint(` (assumed: ${all})`));
}

/** Where the answer hangs on the address being this host's own, and no interfaces told: how to ask about another host's. */
function takenForOwn({ question: { packet: asked, assumptions, direction }, packet, steps }: Trace): Block[] {
  const address = addressOf(asked.family, asked.destination);
  const stays = steps.some((step) => step.kind === 'hook' && step.hook === 'INPUT');
  if (asked.destination === ASSUMED.own[asked.family]) return [];
  if (direction !== 'in' || !stays || packet.destination !== asked.destination) return [];
  if (!assumptions.includes(`${address} assumed (an address of this host)`)) return [];
  const hint = `${address} is taken for an address of this host, for no interfaces were read. If it is another host's, add "via INTERFACE".`;
  return [paragraph(line(faint(hint)), 2)];
}

/** Where it ends, in one word and a sentence. */
export function headline(
  outcome: Outcome,
  { question, inReplyTo, packet }: Pick<Trace, 'question' | 'inReplyTo' | 'packet'>,
): Block {
  const word = OUTCOME_WORD[outcome.kind];
  const sentence = outcomeSentence(outcome, question, inReplyTo ? question.packet : packet);
  switch (outcome.kind) {
    case 'proxy':
    case 'app':
    case 'forwarded':
    case 'sent':
    case 'delivered':
    case 'answered':
      return paragraph(line(good(`→ ${word}`), `  ${sentence}`), 2);
    case 'dropped':
    case 'rejected':
    case 'nobody listens':
    case 'astray':
      return paragraph(line(bad(`✗ ${word}`), `  ${sentence}`), 2);
    case 'unknown':
      return paragraph(line(warn(`? ${word}`), `  ${sentence}`), 2);
  }
}

/** Many packets at once: one line each, where it ends and, where there is room, why. */
export const outcomeTable = (traces: readonly Trace[]): Block =>
  table(
    traces.map(({ question, outcome }) => [
      line(`${question.direction} ${packetWords(question.packet)}`),
      line(toned(outcome)),
      line(faint(outcome.because)),
    ]),
    { optional: 2 },
  );

/** Ends that nobody wants. */
const LOST: readonly Outcome['kind'][] = ['dropped', 'rejected', 'nobody listens', 'astray'];

/** Where a packet ends, in the tone of it. */
export const toned = (outcome: Outcome) => {
  const text = outcomePhrase(outcome);
  if (outcome.kind === 'unknown') return warn(`? ${text}`);
  return LOST.includes(outcome.kind) ? bad(`✗ ${text}`) : good(`→ ${text}`);
};

/** Columns: hook, table, rule, mark, reason. */
type Row = readonly (Line | string)[];

interface Section {
  readonly label: string;
  readonly steps: readonly Step[];
}

/** A walk hook by hook, table by table, rule by rule. */
export function walkTables(steps: readonly Step[], options: WalkOptions, indent = 0): Block[] {
  const rows = sections(steps).flatMap((section) => sectionRows(section, options));
  return [table(rows, { hang: 2, indent })];
}

/** Cuts the steps at each hook; routing and the socket stand alone. */
function sections(steps: readonly Step[]): Section[] {
  const list: { label: string; steps: Step[] }[] = [];
  for (const step of steps) {
    if (step.kind === 'hook') list.push({ label: hookLabel(step.hook, step.pass), steps: [] });
    else if (step.kind === 'route') list.push({ label: 'routing', steps: [step] });
    else if (step.kind === 'socket') list.push({ label: 'socket', steps: [step] });
    else {
      if (!list.at(-1) || ['routing', 'socket'].includes(list.at(-1)!.label)) list.push({ label: '', steps: [] });
      list.at(-1)!.steps.push(step);
    }
  }
  return list;
}

/** The second pass is the packet's own way back in, over lo. */
const hookLabel = (hook: HookName, pass: 1 | 2): string => (pass === 2 && hook !== 'POSTROUTING' ? `${hook} lo` : hook);

function sectionRows({ label, steps }: Section, options: WalkOptions): Row[] {
  const [first] = steps;
  if (first?.kind === 'route' || first?.kind === 'socket') return [[line(name(label)), line(first.decision)]];
  const rows: Row[] = [];
  let owed = label;
  const push = (...cells: Row): void => {
    rows.push([line(name(owed)), ...cells]);
    owed = '';
  };
  for (const asked of tablesOf(steps)) {
    if (asked.rules.length === 0) push(line(faint(asked.title), '  ', asked.silence));
    else for (const [index, row] of ruleRows(asked, options).entries()) push(index === 0 ? asked.title : '', ...row);
  }
  return rows;
}

/** What one table was asked; tables in a row that stay silent for one reason are one. */
interface Asked {
  title: string;
  silence: string;
  readonly rules: Step[];
}

function tablesOf(steps: readonly Step[]): Asked[] {
  const list: Asked[] = [];
  for (const step of steps) {
    if (step.kind === 'table') {
      const silence = step.silent ?? '';
      const title = step.chain === undefined ? step.table : `${step.table} ${step.chain}`;
      const last = list.at(-1);
      if (step.silent && last && last.rules.length === 0 && last.silence === silence) last.title += `, ${title}`;
      else list.push({ title, silence, rules: [] });
    } else if (step.kind === 'rule' || step.kind === 'policy') {
      const last = list.at(-1);
      // A policy alone, after a table without rules, is worth no line of its own while it accepts.
      if (step.kind === 'policy' && last && last.rules.length === 0 && last.silence !== '' && step.policy === 'ACCEPT')
        continue;
      if (last) last.rules.push(step);
      // The kernel's own account may begin within a chain.
      else list.push({ title: `${step.table} ${step.chain}`, silence: '', rules: [step] });
    }
  }
  return list;
}

function ruleRows(asked: Asked, options: WalkOptions): readonly Row[] {
  const rows: Row[] = [];
  let chain: string | undefined;
  let depth = 0;
  for (const part of folded(asked.rules, options.show)) {
    if (part.kind === 'policy') {
      rows.push([line(faint('policy'), ` ${part.policy}`), part.policy === 'ACCEPT' ? '' : line(bad('✗'))]);
      continue;
    }
    const first = part.kind === 'run' ? part.rules[0]! : part;
    const indent = '   '.repeat(Math.min(first.depth, DEEPEST));
    // A chain is named where it is entered, not where a walk comes back to it.
    if (chain !== undefined && chain !== first.chain && first.depth > 0 && first.depth >= depth)
      rows.push([line(indent, name(first.chain))]);
    chain = first.chain;
    depth = first.depth;
    rows.push(part.kind === 'run' ? runRow(part.rules, indent) : ruleRow(part, indent, options.naming));
  }
  return options.show === 'all' ? rows : withoutMiddle(rows);
}

function withoutMiddle(rows: readonly Row[]): readonly Row[] {
  if (rows.length <= MOST_ROWS) return rows;
  const left = line(faint(`… ${count(rows.length - MOST_ROWS, 'line')} left out: --all shows them`));
  return [...rows.slice(0, MOST_ROWS / 2), [left], ...rows.slice(-MOST_ROWS / 2)];
}

type Part = RuleStep | (Step & { kind: 'policy' }) | { readonly kind: 'run'; readonly rules: readonly RuleStep[] };

/** Puts rules in a row that did not match together where they would hide the others. */
function folded(steps: readonly Step[], show: WalkOptions['show']): Part[] {
  const parts: Part[] = [];
  let run: RuleStep[] = [];
  const flush = (): void => {
    if (show === 'matched' ? run.length > 0 : show === 'fold' && run.length > RUN)
      parts.push({ kind: 'run', rules: run });
    else for (const step of run) parts.push(step);
    run = [];
  };
  for (const step of steps) {
    if (step.kind === 'rule' && step.answer === 'passed by') {
      if (run.length > 0 && run[0]!.chain !== step.chain) flush();
      run.push(step);
    } else {
      flush();
      if (step.kind === 'rule' || step.kind === 'policy') parts.push(step);
    }
  }
  flush();
  return parts;
}

const runRow = (rules: readonly RuleStep[], indent: string): Row => {
  const numbers = `${rules[0]!.number}${rules.length > 1 ? `–${rules.at(-1)!.number}` : ''}`;
  return [
    line(indent, faint(`${numbers}  ${count(rules.length, 'rule')}`)),
    line(faint('·')),
    line(faint('do not match')),
  ];
};

function ruleRow(step: RuleStep, indent: string, naming?: Naming): Row {
  const text = `${step.number}  ${stepRuleWords(step)}`;
  switch (step.answer) {
    case 'passed by':
      return [
        line(indent, faint(text)),
        line(faint('·')),
        line(
          faint(step.decisive ? whyNot(step.decisive.predicate, step.changed ?? step.packet, naming) : ''),
          doneBefore(step),
        ),
      ];
    case 'undecided':
      return [
        line(indent, text),
        line(warn('?')),
        line(
          warn(step.decisive ? whyNot(step.decisive.predicate, step.packet, naming) : 'cannot be decided'),
          faint(takenWords(step)),
        ),
      ];
    case 'matched': {
      // A note says more than the effect does: what the kernel made of it.
      const done = step.note ?? stepWords(step);
      const why = isNftRule(step.rule) ? step.rule.comment : step.rule.reason;
      const reason = why ? `${done === '' ? '' : ' · '}${why}` : '';
      return [
        line(indent, strong(text)),
        line(endsTable(step.effect) ? strong('✗') : good('✓')),
        line(done, faint(reason)),
      ];
    }
  }
}

/** What a native rule had done before it came to the condition that ended it. */
const doneBefore = (step: RuleStep): string => (step.effect ? ` · before that, ${stepWords(step)}` : '');

const takenWords = ({ taken }: RuleStep): string =>
  taken === undefined ? '' : taken ? ' · followed here as if it matched' : ' · followed here as if it did not match';
