import { FAMILIES, type Family } from '../address/index.ts';
import { boxesOf, type End, type PacketSet, TooComplex } from '../analysis/index.ts';
import {
  BLANK,
  type Block,
  bad,
  boxWords,
  count,
  endpoint,
  faint,
  familyWord,
  good,
  type Line,
  line,
  listed,
  paragraph,
  type Screen,
  type Span,
  strong,
  table,
  typed,
  warn,
} from '../explain/index.ts';
import type { Audit, Named } from './audit.ts';
import type { Level } from './finding.ts';
import { FATES, type Fate, LANES, type Lane, TCP_ONLY, unionOf } from './lanes.ts';

/** What `audit` shows: where connections go, by way and family, then what is the matter, the worst first. */
export function auditScreen(audit: Audit): Screen {
  const { findings, tooComplex } = audit;
  return [
    table(LANES.flatMap((name) => lanesRows(audit.lanes.filter((lane) => lane.name === name)))),
    ...tooComplex.map(({ family, direction, because }) =>
      paragraph(
        line(warn('? '), `${direction === 'in' ? 'inbound' : 'outbound'} ${familyWord(family)}: ${because}`),
        2,
      ),
    ),
    BLANK,
    ...(findings.length === 0
      ? [nothingFound(audit)]
      : [paragraph(line(bad('✗ '), countWords(findings)), 2), table(findingsRows(findings), { hang: 2 })]),
    ...notesOf(audit).map((note) => paragraph(line(faint(note)), 2)),
  ];
}

/** What was too complex to be looked for may be there. */
const nothingFound = ({ origin, leftOut }: Audit): Block =>
  leftOut.length > 0
    ? paragraph(line(warn('? '), `nothing was found to be the matter with ${origin}, but not all was looked for`), 2)
    : paragraph(line(good('✓ '), `nothing is the matter with ${origin}, as far as it was read`), 2);

/** Families of which all is alike are one. */
function lanesRows(lanes: readonly Lane[]): readonly (readonly (Line | string)[])[] {
  const told = lanes.map((lane) => ({ lane, rows: laneRows(lane) }));
  const [one, other] = told;
  const alike = one && other && JSON.stringify(one.rows) === JSON.stringify(other.rows);
  return (alike ? [one] : told).flatMap(({ lane, rows }) =>
    rows.map((row, at) => [
      at === 0 ? line(strong(lane.name)) : '',
      at === 0 ? (alike ? 'IPv4, IPv6' : familyWord(lane.family)) : '',
      ...row,
    ]),
  );
}

/** More boxes are not said. */
const MOST_BOXES = 4;

/** What becomes of TCP, then of all else; or why that cannot be said. */
function laneRows(lane: Lane): readonly (readonly Line[])[] {
  try {
    return tcpAndRest(lane);
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    return [[line(warn('unknown')), line(error.message)]];
  }
}

function tcpAndRest(lane: Lane): readonly (readonly Line[])[] {
  const tcp = lane.all.where(TCP_ONLY);
  const rest = lane.all.minus(tcp);
  return [
    ...(tcp.equals(lane.all) ? partRows(lane, lane.all, 'everything') : partRows(lane, tcp, 'tcp')),
    ...(rest.isEmpty || tcp.equals(lane.all) ? [] : partRows(lane, rest, REST)),
  ];
}

function partRows(lane: Lane, part: PacketSet, subject: string): readonly (readonly Line[])[] {
  const rows = FATES.flatMap((fate) =>
    [false, true].flatMap((perhaps) => {
      const these = lane.ends.filter(
        (one) => isOf(one, fate, subject) && one.perhaps === perhaps && !one.packets.and(part).isEmpty,
      );
      return byPlace(these, lane.family).map(({ place, ends }) => {
        const whole = unionOf(ends.map(({ packets }) => packets.and(part)))!;
        return { fate: fateSpan(fate, place), words: wordsOf(whole, lane, part, subject), perhaps };
      });
    }),
  );
  // One of several is the rest: the one that takes the most words. What may end in several places is no rest.
  const [longest] = rows.filter(({ perhaps }) => !perhaps).sort((a, b) => b.words.length - a.words.length);
  const rest = rows.length > 1 && longest && longest.words.length > SHORT ? longest : undefined;
  return [
    ...rows.filter((row) => row !== rest),
    ...(rest ? [{ ...rest, words: `${subject}, but for these` }] : []),
  ].map(({ fate, words, perhaps }) => [line(fate), line(words, ...(perhaps ? [warn(' (perhaps)')] : []))]);
}

/** Ends of one fate, and where that is: '' for the place that packets ask for. */
interface Placed {
  readonly place: string;
  readonly ends: Lane['ends'];
}

/** More places that packets did not ask for are not told apart: a cluster's services have thousands. */
const MOST_PLACES = 4;

/** What comes to another place than it asked for stands apart from what does not: what is said of one place is true of no other. */
function byPlace(ends: Lane['ends'], family: Family): readonly Placed[] {
  const places = [...new Set(ends.map(({ end }) => placeOf(end, family)))].sort(inOrder);
  const others = places.filter((place) => place !== '');
  const together = others.length > MOST_PLACES ? ` to ${others.length} places` : undefined;
  const of = (end: End): string =>
    together !== undefined && placeOf(end, family) !== '' ? together : placeOf(end, family);
  const told = together === undefined ? places : [...places.filter((place) => place === ''), together];
  return told.map((place) => ({ place, ends: ends.filter(({ end }) => of(end) === place) }));
}

const IN_ORDER = new Intl.Collator('en', { numeric: true });
const inOrder = (one: string, other: string): number => IN_ORDER.compare(one, other);

/** So many letters are not too many. */
const SHORT = 60;

function wordsOf(packets: PacketSet, { family, direction }: Lane, part: PacketSet, subject: string): string {
  const { boxes, complete } = boxesOf(packets, MOST_BOXES, part);
  const words = boxes.map((box) => boxWords(box, family, direction, subject));
  if (words.length === 0 && !complete) return 'packets that are too complex to tell';
  return [...words, ...(complete ? [] : ['and others'])].join('; ');
}

/** The proxy's own ports are of TCP. */
const isOf = ({ fate }: Lane['ends'][number], wanted: Fate, subject: string): boolean =>
  (fate === 'proxy itself' && subject === REST ? 'direct' : fate) === wanted;

const REST = 'all but tcp';

/** The place that packets come to, where they asked for another one. */
function placeOf(end: End, family: Family): string {
  if ('port' in end) return typeof end.port === 'number' ? ` :${end.port}` : '';
  const { address, port } = ('to' in end && end.to) || {};
  if (address === undefined && port === undefined) return '';
  return ` to ${endpoint(family, address, port === 'open' ? undefined : port)}`;
}

function fateSpan(fate: Fate, place: string): Span | string {
  switch (fate) {
    case 'proxy':
      return strong(`proxy${place}`);
    case 'refused':
    case 'unknown':
      return warn(fate);
    case 'direct':
    case 'proxy itself':
    case 'forwarded':
      return `${fate}${place}`;
  }
}

const TONES: Readonly<Record<Level, (text: string) => Span>> = { high: bad, medium: warn, info: faint };

/** More findings of one kind are not shown, but counted. */
const MOST_OF_KIND = 12;

function findingsRows(findings: readonly Named[]): readonly (readonly Line[])[] {
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => {
    const its = findings.filter((one) => one.kind === kind);
    const more = its.length - MOST_OF_KIND;
    const rest = [line(''), line(strong(kind)), line(faint(`and ${more} more: -o json has them all`))];
    return [...its.slice(0, MOST_OF_KIND).flatMap(findingRows), ...(more > 0 ? [rest] : [])];
  });
}

function findingRows({ level, kind, says, mend }: Named): readonly (readonly Line[])[] {
  return [
    [line(TONES[level](level)), line(strong(kind)), line(says)],
    ...(mend === undefined ? [] : [[line(''), line(''), line(faint('Mend it: '), mendWords(mend))]]),
  ];
}

/** A command stays on one line, so that it can be copied; advice need not. */
const mendWords = (mend: string): Span | string =>
  /^(?:sidestep|ip|sysctl) /.test(mend) ? typed(mend, 'plain') : mend;

function countWords(findings: readonly Named[]): string {
  const levels = (['high', 'medium', 'info'] as const).flatMap((level) => {
    const many = findings.filter((one) => one.level === level).length;
    return many === 0 ? [] : [`${many} ${level}`];
  });
  return `${count(findings.length, 'finding')}: ${listed(levels)}`;
}

/** What was not looked at, in sentences. */
export function notesOf({ families, read, leftOut }: Audit): readonly string[] {
  const missing = FAMILIES.filter((family) => !families.includes(family));
  return [
    ...missing.map((family) => `The ${familyWord(family)} rules were not read.`),
    ...(read.interfaces ? [] : ['Interfaces and addresses were not read: one network card is taken for granted.']),
    ...(read.listeners ? [] : ['Who listens was not read: an app and a proxy are taken to.']),
    ...(leftOut.length > 0 ? [`Not looked for to the end, because it is too complex: ${listed(leftOut)}.`] : []),
    'Looked at are packets that open a connection, or belong to none, from one host to another.',
  ];
}
