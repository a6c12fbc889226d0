import type { Family } from '../../address/index.ts';
import { boxesOf, type Direction, type PacketSet, TooComplex } from '../../analysis/index.ts';
import { boxWords, familyWord, listed, outcomePhrase } from '../../explain/index.ts';
import { type Packet, protocolName } from '../../netfilter/index.ts';
import { type Audited, decidingOrOpen, exampleWords } from '../audited.ts';
import type { Example, Finding } from '../finding.ts';
import { type Lane, unionOf } from '../lanes.ts';
import { hangsOn, likely, type Undecided, undecidedNative, undecidedRules } from '../undecided.ts';
import type { Kind } from './kind.ts';

/** Connections of which nobody can say where they go. */
export const unknownEnd: Kind = {
  name: 'unknown',
  about: 'Where some connections go is not known, because something that decides it is not.',
  look: (audited) => [
    ...audited.tooComplex.map((one) => notFollowed(audited, one, WAYS[one.direction], one.because)),
    ...audited.lanes.flatMap((lane) => followedOr(audited, lane, () => noEnd(audited, lane))),
    ...severalEnds(audited),
  ],
};

const WAYS: Readonly<Record<Direction, string>> = { in: 'inbound', out: 'outbound' };

/** It was too complex to be found out: then nobody has looked, which is not to say that nothing is the matter. */
const notFollowed = (
  { command }: Audited,
  { family, direction }: { readonly family: Family; readonly direction: Direction },
  name: string,
  because: string,
): Finding => ({
  level: 'info',
  family,
  says: `where ${name} ${familyWord(family)} goes is not known, because ${because}.`,
  rules: [],
  mend: command(`trace --live '${direction} tcp/80'`),
});

/** What is found of a lane, or that it is too complex. */
function followedOr(audited: Audited, lane: Lane, look: () => readonly Finding[]): readonly Finding[] {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    return [notFollowed(audited, lane, lane.name, error.message)];
  }
}

/** What a rule does is not known: the way of a packet ends there. */
const noEnd = (audited: Audited, { name, family, direction, all, ends }: Lane): readonly Finding[] =>
  ends.flatMap(({ end, fate, packets }): readonly Finding[] => {
    const example = fate === 'unknown' ? audited.example(packets) : undefined;
    if (!example) return [];
    const words = packetsWords(packets, { family, direction, all });
    return [
      {
        level: 'info',
        family,
        says: `where some of ${name} ${familyWord(family)} goes is not known, because ${end.because}: ${words}.`,
        example,
        rules: decidingOrOpen(example.trace),
        mend: asking(audited, example),
      },
    ];
  });

/** Whether a rule matches is not known: the ways of a packet part there. */
const severalEnds = (audited: Audited): readonly Finding[] =>
  audited.families.flatMap((family) => {
    const lanes = audited.lanes.filter((lane) => lane.family === family);
    const open: Open[] = [];
    const complex = lanes.flatMap((lane) =>
      followedOr(audited, lane, () => {
        open.push(...openOf(lane));
        return [];
      }),
    );
    const rules = open.length === 0 ? [] : undecidedRules(audited, family).slice(0, MOST_TRIED);
    const told = new Set<string>();
    const findings = open
      .flatMap((one) => [...rules, ...nativeOf(audited, one)].map((rule) => ({ one, rule })))
      .flatMap(({ one, rule }): readonly Finding[] => {
        const { table, backend, chain, number } = rule.place;
        const place = [table, backend, chain, number].join(' ');
        if (told.has(place) || told.size === MOST_RULES) return [];
        const found = openBy(audited, one, rule);
        if (!found) return [];
        told.add(place);
        return [openFinding(audited, one.lane, rule, found)];
      });
    return [...complex, ...findings];
  });

/** More rules are not told: those that were told have to be known first. */
const MOST_RULES = 12;

/** For each of so many rules a packet is followed all ways. */
const MOST_TRIED = 64;

interface Open {
  readonly lane: Lane;
  /** Those that may have one end or another. */
  readonly packets: PacketSet;
}

/** What ends nowhere that is known has been told already. */
function openOf(lane: Lane): readonly Open[] {
  const [open, none] = [
    lane.ends.filter(({ perhaps }) => perhaps),
    lane.ends.filter(({ fate }) => fate === 'unknown'),
  ].map((ends) => unionOf(ends.map(({ packets }) => packets)));
  const packets = open && none ? open.minus(none) : open;
  return packets && !packets.isEmpty ? [{ lane, packets }] : [];
}

function nativeOf(audited: Audited, { packets }: Open): readonly Undecided[] {
  const example = audited.example(packets);
  return example ? undecidedNative(example) : [];
}

interface Shown {
  readonly packets: PacketSet;
  readonly example: Example;
}

/** Some of these packets where they hang on a rule, and one of them. */
function openBy(audited: Audited, { packets }: Open, rule: Undecided): Shown | undefined {
  for (const some of [likely(packets, rule.predicate), packets]) {
    const example = audited.example(some);
    if (example && hangsOn(example, rule)) return { packets: some, example };
  }
  return undefined;
}

function openFinding(audited: Audited, lane: Lane, rule: Undecided, { packets, example }: Shown): Finding {
  const { name, family } = lane;
  const { table, chain, number } = rule.place;
  const ends = listed([...new Set(example.trace.possible.map(({ outcome }) => outcomePhrase(outcome)))], 'or');
  return {
    level: 'info',
    family,
    says:
      `where some of ${name} ${familyWord(family)} goes hangs on ${table} ${chain} ${number} (${rule.words}), and ${rule.because}: ` +
      `${packetsWords(packets, lane)}; ${exampleWords(example)} → ${ends}.`,
    example,
    rules: [rule.place],
    mend: asking(audited, example),
  };
}

function packetsWords(packets: PacketSet, { family, direction, all }: Pick<Lane, 'family' | 'direction' | 'all'>) {
  const { boxes, complete } = boxesOf(packets, 2, all);
  return [...boxes.map((box) => boxWords(box, family, direction)), ...(complete ? [] : ['and others'])].join('; ');
}

/** The kernel knows, and tells of each packet that passes. */
const asking = ({ command }: Audited, { question }: Example): string =>
  command(`trace --live '${question.direction} ${kindOf(question.packet)}'`);

const kindOf = ({ protocol, destinationPort }: Packet): string =>
  destinationPort === undefined ? protocolName(protocol) : `${protocolName(protocol)}/${destinationPort}`;
