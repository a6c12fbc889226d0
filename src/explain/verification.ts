import type { Drift, Interception } from '../interception/index.ts';
import type { Backend } from '../netfilter/index.ts';
import type { Question } from '../trace/index.ts';
import { askedWords } from './asked.ts';
import type { Moved } from './moved.ts';
import { nextBlock } from './next.ts';
import { type ProbeShown, probeBlocks } from './probe.ts';
import { movedTable } from './proof-screen.ts';
import { ruleWords } from './rule.ts';
import { type Block, bad, faint, good, line, name, paragraph, type Screen, table, warn } from './screen.ts';
import { count, familyWord } from './words.ts';

/** A difference, whose back end it is in, and what it does to a packet where that could be shown. */
export interface DriftFound extends Drift {
  readonly backend: Backend;
  /** "in tcp/8888 goes to the app on :8888, not to the proxy on :15006". */
  readonly means?: string;
  /** The packet of which that is said. */
  readonly question?: Question;
  /** It is a bypass of Sidestep's: until when, or "bypass". */
  readonly bypass?: string;
  /** A rule or a policy of somebody else's, which init leaves alone. */
  readonly foreign?: true;
}

/** What verifying found. */
export interface Verification {
  readonly interception: Interception;
  /** Whether it was given, or read from the rules themselves. */
  readonly given: boolean;
  readonly drifts: readonly DriftFound[];
  /** Routing that is missing or too much, in ip's words. */
  readonly routing: readonly string[];
  /** Rules that were compared. */
  readonly compared: number;
  /** Where anything differs: the packets that are treated differently. */
  readonly stray: readonly Moved[];
  /** Whether these are all of them: else `doubts` say why not. */
  readonly strayComplete: boolean;
  /** Why the comparison may have missed something, one clause each. */
  readonly doubts: readonly string[];
  /** The rules carry their reasons as comments, as `init --comment` writes them. */
  readonly commented: boolean;
  readonly probes: readonly ProbeShown[];
  /** Why no probe was made. */
  readonly unprobed?: string;
}

/** Whether the kernel holds what was asked for and a connection was redirected as it should be. */
export const isFaithful = ({ drifts, routing, probes }: Verification): boolean =>
  drifts.length === 0 &&
  routing.length === 0 &&
  probes.every(({ outcome }) => !['altered', 'missed'].includes(outcome));

/** The differences first, each with what it does; then the live probe; then the commands that would mend it. */
export function verificationScreen(found: Verification, mends: readonly string[]): Screen {
  const { interception, given, drifts, routing, compared, probes, unprobed } = found;
  const differences = drifts.length + routing.length;
  const asked = askedWords(interception).join(' ').replace('--dialect ', '');
  const source = given ? '' : ', as the rules themselves tell it';
  const title =
    differences === 0
      ? line(
          good('✓ '),
          `no difference from what was asked for (${asked})`,
          faint(`: ${count(compared, 'rule')}, order included${source}`),
        )
      : line(bad('✗ '), `${count(differences, 'difference')} from what was asked for (${asked})`, faint(source));
  return [
    paragraph(title, 2),
    table([...drifts.map(driftRow), ...routing.map((words) => [line(name('routing')), [], line(words)])], {
      indent: 2,
      hang: 2,
    }),
    ...strayBlocks(found),
    ...found.doubts.map((doubt) => paragraph(line(warn('? '), doubt), 2)),
    ...probeBlocks(probes),
    ...(unprobed ? [paragraph(line(warn('? '), `no live probe: ${unprobed}`), 2)] : []),
    ...mends.map((command) => nextBlock({ why: 'Mend it', command })),
  ];
}

/** What the differences do, all together and to all packets. */
const strayBlocks = ({ stray, strayComplete, drifts }: Verification): readonly Block[] => {
  if (drifts.length === 0) return [];
  if (stray.length === 0) return strayComplete ? [paragraph(line('  Packets are treated all alike.'), 2)] : [];
  return [paragraph(line('  Of all packets, these are treated differently:'), 2), movedTable(stray, 4)];
};

function driftRow(drift: DriftFound) {
  const { kind, family, table: where, chain, number, rule, expected, message, means, bypass } = drift;
  const place = `${where} ${chain}${number === undefined ? '' : ` ${number}`}${family === 'ipv6' ? ` ${familyWord(family)}` : ''}`;
  const words = rule ? ruleWords(rule, family) : message;
  const what = expected ? `${words}  instead of  ${ruleWords(expected, family)}` : kind === 'order' ? message : words;
  const why = [...(bypass ? [bypass] : []), ...(means ? [means] : [])].join('; ');
  return [line(name(place)), line(kind), line(what), line(why === '' ? '' : faint(why))];
}
