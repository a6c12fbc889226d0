import type { Conversation, ConversationOutcome, Step, Turn } from '../trace/index.ts';
import { nextBlock } from './next.ts';
import { outcomePhrase, packetEnds, packetWords, questionWords } from './packet.ts';
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
import { endWords, sidesOf } from './sides.ts';
import { assumed, toned, type WalkOptions, walkTables } from './walk.ts';

/**
 * A connection, packet by packet: who talks to whom and what each side sees, then the first packet's walk in full, and of
 * the others what matters. Packets that fare alike are told once.
 */
export function connectionScreen(conversation: Conversation, options: WalkOptions): Screen {
  const { question, turns, possible } = conversation;
  const [first, ...later] = turns;
  const assumptions = [
    ...new Set([...question.assumptions, ...turns.flatMap(({ trace }) => trace.question.assumptions)]),
  ];
  return [
    paragraph([...line(strong(questionWords(question))), ...assumed(assumptions)], 2),
    BLANK,
    paragraph(headline(conversation), 2),
    sidesTable(conversation),
    ...(possible.length > 0 ? [possibleTable(possible)] : []),
    ...(first ? [BLANK, turnLine([first]), ...walkTables(first.trace.steps, options, 2)] : []),
    ...alike(later).flatMap((group) => [BLANK, turnLine(group), ...essentials(group[0]!, options)]),
    ...(options.next ? [BLANK, nextBlock(options.next)] : []),
  ];
}

/** Many connections at once: one line each. */
export const connectionTable = (conversations: readonly Conversation[]): Block =>
  table(
    conversations.map((conversation) => [
      line(`${conversation.question.direction} ${packetWords(conversation.question.packet)}`),
      headline(conversation),
    ]),
  );

function headline({ outcome, turns }: Conversation): Line {
  switch (outcome.kind) {
    case 'open': {
      const reached = turns[0] ? outcomePhrase(turns[0].trace.outcome) : '';
      return line(good('⇄ OPEN'), `  ${reached}; answers come back to the caller.`);
    }
    case 'not opened':
      return line(bad('✗ NOT OPENED'), `  ${outcome.because}.`);
    case 'broken':
      return line(bad('✗ BROKEN'), `  the ${outcome.turn} does not get there: ${outcome.because}.`);
    case 'unknown':
      return line(warn('? UNKNOWN'), `  because ${outcome.because}.`);
  }
}

const outcomeWords = (outcome: ConversationOutcome): string =>
  outcome.kind === 'open' ? 'open' : outcome.kind === 'broken' ? `broken at the ${outcome.turn}` : outcome.kind;

const possibleTable = (possible: Conversation['possible']): Block =>
  table(
    possible.map(({ outcome, because }) => [
      line(faint('possible')),
      line(outcomeWords(outcome)),
      line(faint(because)),
    ]),
    { indent: 2 },
  );

function sidesTable(conversation: Conversation): Block {
  const { family } = conversation.question.packet;
  return table(
    sidesOf(conversation).map(({ who, socket, source, destination, original }, index) => {
      const [from, to] = [endWords(family, source), endWords(family, destination)];
      const told = original ? `, and ${endWords(family, original)} as the original destination` : '';
      return [
        line(name(who)),
        index === 0
          ? line(`${from} calls ${to}`)
          : line(`sees ${from} call ${to}${told}`, faint(socket ? ` · ${socket}` : '')),
      ];
    }),
    { indent: 2 },
  );
}

/** Packets in a row of which nothing is to be told apart, in the order in which the first of each comes. */
function alike(turns: readonly Turn[]): readonly (readonly Turn[])[] {
  const groups = new Map<string, Turn[]>();
  for (const turn of turns) {
    const like = likeness(turn);
    const group = groups.get(like);
    if (group) group.push(turn);
    else groups.set(like, [turn]);
  }
  return [...groups.values()];
}

/** What a reader is told of a packet. */
const likeness = ({ by, trace }: Turn): string =>
  JSON.stringify([
    by,
    packetEnds(trace.question.packet),
    outcomePhrase(trace.outcome),
    essential(trace.steps).map((step) =>
      step.kind === 'rule'
        ? [step.table, step.chain, step.number, step.note ?? '', step.changed?.mark ?? '']
        : step.kind === 'hook'
          ? [step.hook, step.pass]
          : Object.values(step).filter((value) => typeof value === 'string'),
    ),
  ]);

const turnLine = (group: readonly Turn[]): Block => {
  const { trace } = group[0]!;
  const names = group.map((turn) => turn.name).join(', ');
  return paragraph(line(strong(names), `  ${packetEnds(trace.question.packet)}  `, toned(trace.outcome)), 2);
};

function essentials({ trace }: Turn, options: WalkOptions): readonly Block[] {
  const steps = essential(trace.steps);
  return steps.some(({ kind }) => kind !== 'hook')
    ? walkTables(steps, { ...options, show: 'matched' }, 2)
    : [table([[line(faint('no rule matches'))]], { indent: 2 })];
}

/** Rules that matched, what nat did by itself, and where it ended before its socket. */
function essential(steps: readonly Step[]): readonly Step[] {
  const kept: Step[] = [];
  let asked: Step | undefined;
  const keep = (step: Step): void => {
    if (asked) kept.push(asked);
    asked = undefined;
    kept.push(step);
  };
  for (const [index, step] of steps.entries()) {
    switch (step.kind) {
      case 'hook':
        kept.push(step);
        break;
      case 'table':
        // A table is worth a line where one of its rules is, or where nat says why it is not asked.
        asked = step.silent === undefined ? step : undefined;
        if (step.silent?.startsWith('not asked')) kept.push(step);
        break;
      case 'rule':
        if (step.answer === 'matched' || step.taken) keep(step);
        break;
      case 'policy':
        if (step.policy !== 'ACCEPT') keep(step);
        break;
      case 'route':
        if (index === steps.length - 1) kept.push(step);
        break;
      case 'socket':
        break;
    }
  }
  return kept;
}
