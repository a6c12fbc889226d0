import type { Packet } from '../netfilter/index.ts';
import type { Outcome, Passed } from '../trace/index.ts';
import { eventWords } from './live.ts';
import { outcomePhrase, packetWords } from './packet.ts';
import { type Block, bad, faint, good, type Line, line, paragraph, strong, table, warn } from './screen.ts';
import { moves, type SentWitness } from './sent-packets.ts';
import { familyWord, listed, count as number } from './words.ts';

/** What became of the packets that were sent before and after a change. */
export interface Sent {
  readonly packets: readonly SentPair[];
  /** Why some were not sent, or none, one clause each. */
  readonly left: readonly string[];
  /** The kernel did something else than was proved: what has become of the change. */
  readonly therefore?: string;
}

/** One packet; undefined: the kernel told nothing of it, or it was not sent then. */
export interface SentPair {
  readonly witness: SentWitness;
  readonly before: Passed | undefined;
  readonly after: Passed | undefined;
}

/** Whether the kernel did anything else than was proved: on the way, or in the end. */
export const differs = (passed: Passed | undefined, proved: Outcome): boolean =>
  passed !== undefined &&
  (passed.simulated.kind === 'differs' ||
    (passed.trace.outcome.kind !== 'unknown' && comesOut(passed.trace.outcome) !== comesOut(proved)));

/** Where a packet comes out, as far as the kernel tells: not who is there. */
const comesOut = (outcome: Outcome): string => {
  if ('port' in outcome) return `:${outcome.port}`;
  return 'out' in outcome ? `by ${outcome.out}` : outcome.kind;
};

/** Whether the kernel did with a packet what was proved, each time that it told of it. */
export const isAsProved = ({ witness, before, after }: SentPair): boolean =>
  !differs(before, witness.before) && !differs(after, witness.after);

/** What the kernel did with the packets that were sent, beside what was proved. */
export function sentBlocks({ packets, left, therefore }: Sent): Block[] {
  const wrong = packets.filter((pair) => !isAsProved(pair));
  const told = packets.filter((pair) => pair.before && pair.after && isAsProved(pair));
  const untold = packets.length - told.length - wrong.length;
  return [
    ...(wrong.length > 0 ? wrongBlocks(wrong, therefore) : []),
    ...(told.length > 0
      ? [
          paragraph(
            line(
              good('✓ '),
              `Seen in the kernel: ${number(told.length, 'packet')} sent before and after, each as proved`,
              faint(' (dropped behind the last rule: no program got one)'),
            ),
            2,
          ),
          table(shown(told).map(row), { indent: 2 }),
          ...(told.length > shown(told).length
            ? [
                paragraph(
                  line(faint(`  ${number(told.length - shown(told).length, 'other')} go where they went before`)),
                  2,
                ),
              ]
            : []),
        ]
      : []),
    ...(untold > 0 && wrong.length === 0
      ? [paragraph(line(faint(`  of ${number(untold, 'packet')} more the kernel told nothing`)), 2)]
      : []),
    ...(left.length > 0
      ? [paragraph(line(warn('  not sent: '), listed([...new Set(left)].slice(0, MOST_REASONS))), 4)]
      : []),
  ];
}

const MOST_REASONS = 3;
/** So many are shown that go where they went before: the next ports come first. */
const MOST_STAYING = 3;

/** What moves, and a few of those that do not. */
function shown(told: readonly SentPair[]): readonly SentPair[] {
  const moving = told.filter(({ witness }) => moves(witness));
  return [...moving, ...told.filter(({ witness }) => !moves(witness)).slice(0, MOST_STAYING)];
}

const row = ({ witness }: SentPair): Line[] => {
  const { before, after } = witness;
  const is = moves(witness)
    ? line(short(before), faint(' → '), strong(short(after)))
    : line(faint(`${short(after)}, as before`));
  return [...cells(witness), is];
};

const cells = ({ question: { packet, direction } }: SentWitness): Line[] => [
  line(`${direction === 'in' ? 'inbound' : 'from here'} ${familyWord(packet.family)}`),
  line(packetWords(packet), faint(senderWords(packet))),
];

/** What of its sender a rule may have asked for. */
const senderWords = ({ owned, uid, gid, mark }: Packet): string =>
  [
    ...(owned === 1 && uid !== undefined ? [` uid ${uid}`] : []),
    ...(owned === 1 && gid !== undefined && gid !== uid ? [` gid ${gid}`] : []),
    ...(mark ? [` mark 0x${mark.toString(16)}`] : []),
  ].join('');

const short = (outcome: Outcome): string =>
  outcome.kind === 'proxy' || outcome.kind === 'app' ? `${outcome.kind} :${outcome.port}` : outcomePhrase(outcome);

function wrongBlocks(wrong: readonly SentPair[], therefore: string | undefined): Block[] {
  return [
    paragraph(line(bad('✗ '), strong('The kernel does something else than was proved')), 2),
    table(
      wrong.flatMap(({ witness, before, after }) => [
        ...differing(witness, 'before', before),
        ...differing(witness, 'after', after),
      ]),
      { indent: 2, hang: 1 },
    ),
    ...(therefore === undefined ? [] : [paragraph(line(bad('  '), strong(therefore)), 2)]),
    paragraph(
      line(faint('  This is a defect of Sidestep, or somebody changed the rules at the same time. Please report it.')),
      2,
    ),
  ];
}

function differing(witness: SentWitness, when: 'before' | 'after', passed: Passed | undefined): Line[][] {
  if (!passed || !differs(passed, witness[when])) return [];
  const { simulated, trace } = passed;
  const [proved, kernel] =
    simulated.kind === 'differs'
      ? [simulated.simulator, eventWords(simulated.kernel)]
      : [short(witness[when]), short(trace.outcome)];
  return [[...cells(witness), line(`${when}: proved was “${proved}”, the kernel says `, strong(kernel))]];
}
