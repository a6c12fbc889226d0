import type { KernelEvent } from '../netfilter/index.ts';
import type { Passed } from '../trace/index.ts';
import { outcomePhrase, packetEnds, seenWords } from './packet.ts';
import { BLANK, type Block, bad, faint, good, line, paragraph, type Screen, strong, warn } from './screen.ts';
import { assumed, headline, type WalkOptions, walkTables } from './walk.ts';
import { count, listed } from './words.ts';

/** A packet that has passed: the packet, its end, its walk, and what the simulator says of it. */
export function passedScreen(passed: Passed, options: WalkOptions): Screen {
  const { trace, simulated, unconfirmed, seen } = passed;
  const { question, outcome, steps } = trace;
  const at = simulated.kind === 'differs' ? simulated.at : steps.length;
  return [
    paragraph([...line(faint(`${timeOf(seen)}  `), strong(seenWords(question))), ...assumed(question.assumptions)], 2),
    BLANK,
    headline(outcome, trace),
    BLANK,
    ...walkTables(steps.slice(0, at), options),
    ...simulatorBlocks(passed),
    ...(at < steps.length ? walkTables(steps.slice(at), { ...options, show: 'matched' }) : []),
    ...(unconfirmed.length > 0
      ? [
          paragraph(
            line(warn('not confirmed: '), `legacy rules tell nothing (${listed([...new Set(unconfirmed)])})`),
            2,
          ),
        ]
      : []),
  ];
}

function simulatorBlocks({ simulated }: Passed): readonly Block[] {
  switch (simulated.kind) {
    case 'same':
      return [paragraph(line(good('='), ' the simulator says the same'), 2)];
    case 'as far as known':
      return [paragraph(line(good('='), ` the simulator says the same as far as it knows: ${simulated.because}`), 2)];
    case 'not compared':
      return [paragraph(line(faint(`the simulator is not asked: ${simulated.because}`)), 2)];
    case 'differs': {
      const { kernel, simulator, outcome } = simulated;
      return [
        paragraph(line(bad('≠'), ' here the kernel says: ', strong(eventWords(kernel))), 2),
        paragraph(
          line(bad('≠'), ' and the simulator: ', strong(simulator), faint(` (its end: ${outcomePhrase(outcome)})`)),
          2,
        ),
      ];
    }
  }
}

/** What the kernel says at one point, as a clause. */
export function eventWords(event: KernelEvent | undefined): string {
  switch (event?.kind) {
    case undefined:
      return 'nothing more';
    case 'asked':
      return `${event.table} ${event.chain} is asked about ${packetEnds(event.packet)}`;
    case 'rule': {
      const { table, chain, number, verdict, target, mark } = event;
      const rule =
        number === undefined ? `a rule of ${table} ${chain} that was not read` : `${table} ${chain} ${number}`;
      const leads = target === undefined ? '' : ` to ${target}`;
      return `${rule} matches: ${verdict}${leads}${mark === 0 ? '' : `, mark 0x${mark.toString(16)}`}`;
    }
    case 'policy':
      return `${event.table} ${event.chain} ends with its policy ${event.policy}`;
    case 'received':
      return `this host gets it: ${packetEnds(event.packet)}`;
    case 'leaves':
      return `it leaves by ${event.packet.out}: ${packetEnds(event.packet)}`;
  }
}

/** All packets in one sentence. */
export function passedSummary(all: readonly Passed[]): string {
  const of = (...kinds: readonly Passed['simulated']['kind'][]): number =>
    all.filter(({ simulated }) => kinds.includes(simulated.kind)).length;
  const [same, differs, unasked] = [of('same', 'as far as known'), of('differs'), of('not compared')];
  const parts = [
    ...(same > 0 ? [`the simulator says the same of ${same === all.length ? (same === 1 ? 'it' : 'all') : same}`] : []),
    ...(differs > 0 ? [`something else of ${differs}`] : []),
    ...(unasked > 0 ? [`${unasked} not compared`] : []),
  ];
  return [`${count(all.length, 'packet')} seen`, ...(parts.length > 0 ? [listed(parts)] : [])].join('; ');
}

const timeOf = (seen: number): string => new Date(seen).toISOString().slice(11, 23);
