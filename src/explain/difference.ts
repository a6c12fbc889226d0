import { FAMILIES, type Family, formatAddress } from '../address/index.ts';
import { boxesOf, type Change, type Direction, type End, type PacketSet } from '../analysis/index.ts';
import { ASSUMED, type Question, type RuleStep, type Trace } from '../trace/index.ts';
import type { AtTimes } from './at-times.ts';
import { decidingApart } from './deciding.ts';
import { outcomePhrase, questionWords } from './packet.ts';
import { boxWords, directionWords } from './packet-set.ts';
import { stepRuleWords } from './rule.ts';
import {
  BLANK,
  type Block,
  faint,
  good,
  line,
  paragraph,
  type Screen,
  type Span,
  strong,
  table,
  warn,
} from './screen.ts';
import { count, listed } from './words.ts';

/** One packet that two rule sets treat differently, followed through both. */
export interface Example {
  readonly question: Question;
  readonly before: Trace;
  readonly after: Trace;
}

/** What was found of the packets of one family and direction. */
export interface Compared {
  readonly family: Family;
  readonly direction: Direction;
  readonly changes: readonly (Change & { readonly example?: Example })[];
  /** It was not found out: too complex, because …; undefined where it was. */
  readonly tooComplex?: string;
}

/** What two rule sets do differently, and what was not compared. */
export interface DifferenceTold {
  /** Where they come from, in words: `before.txt`, `network namespace of node (pid 1)`. */
  readonly before: string;
  readonly after: string;
  readonly compared: readonly Compared[];
  /** Rules that match at times and are not on both sides. */
  readonly atTimes: readonly AtTimes[];
  /** Whether it is known which interfaces and addresses the machine has. */
  readonly interfacesRead: boolean;
  /** Whether packets from elsewhere may be sent on. */
  readonly mayForward: boolean;
  /** Clauses: "the IPv6 rules of after.txt were not read". */
  readonly notes: readonly string[];
}

/** What the answer does not speak of. */
function notLookedAt({ compared, interfacesRead, mayForward }: DifferenceTold): Block {
  const assumed = FAMILIES.filter((family) => compared.some((one) => one.family === family)).map((family) =>
    formatAddress(family, ASSUMED.own[family]),
  );
  const clauses = [
    'packets of connections that are open already, which go as their first one went',
    'further fragments',
    'how often a rule matches that does so at random, up to a limit, or by what it has seen before',
    ...(mayForward ? ['packets on their last hop, which are not sent on, where no rule is about the TTL'] : []),
    ...(interfacesRead
      ? []
      : [
          `packets from one address to itself (but for ${listed(['loopback’s', ...assumed])}), as no interfaces were read`,
        ]),
  ];
  return paragraph(line(faint(`Not looked at: ${clauses.join('; ')}.`)), 2);
}

/** Also where it was not found out: too complex, or a matter of how often rules match. */
export const isDifferent = (told: DifferenceTold): boolean => isApart(told) || told.atTimes.length > 0;

/** Whether packets differ in where they may go. */
const isApart = ({ compared }: DifferenceTold): boolean =>
  compared.some(({ changes, tooComplex }) => changes.length > 0 || tooComplex !== undefined);

/** What `diff` shows. */
export function differenceScreen(told: DifferenceTold): Screen {
  const { before, after, compared, notes } = told;
  const names = compared.map(({ direction, family }) => directionWords(direction, family));
  const blocks: Block[] = [];
  const kernelsOnly = isOfNoProgram(told);
  if ((!isApart(told) || kernelsOnly) && compared.length > 0) {
    const [which, every] = kernelsOnly
      ? [' for what comes in and for what programs send', 'each such packet']
      : [told.atTimes.length > 0 ? ' in where packets may go' : '', 'every packet'];
    blocks.push(
      paragraph(
        line(
          good('No difference'),
          `${which}: ${before} and ${after} send ${every} that opens a connection, or belongs to none, to the same end (${listed(names)}). This is proved, not sampled.`,
        ),
        2,
      ),
    );
    if (!kernelsOnly) blocks.push(notLookedAt(told));
  }
  if (kernelsOnly) blocks.push(BLANK, ...kernelsBlocks(told));
  else for (const one of compared) blocks.push(...comparedBlocks(one));
  blocks.push(...atTimesBlocks(told));
  if (compared.some(({ changes }) => changes.length > 0)) blocks.push(BLANK, notLookedAt(told));
  for (const note of notes) blocks.push(paragraph(line(faint(note)), 2));
  while (blocks[0] === BLANK) blocks.shift();
  return blocks;
}

/** More rules are not shown. */
const MOST_AT_TIMES = 6;

/** Rules of which nobody can prove how often they match. */
function atTimesBlocks({ atTimes }: DifferenceTold): readonly Block[] {
  if (atTimes.length === 0) return [];
  const rows = atTimes.slice(0, MOST_AT_TIMES).map(({ origin, rule }) => [line(faint(`only ${origin}`)), line(rule)]);
  const more = atTimes.length - rows.length;
  return [
    BLANK,
    paragraph(
      line(warn('? '), 'rules that match at times are not the same, and how often they do is not compared:'),
      2,
    ),
    table([...rows, ...(more > 0 ? [[line(faint(`and ${more} more`))]] : [])], { indent: 2 }),
  ];
}

/** Whether all that differs is what the kernel sends itself. */
const isOfNoProgram = (told: DifferenceTold): boolean =>
  isApart(told) &&
  told.compared.every(
    ({ changes, tooComplex }) => tooComplex === undefined && changes.every(({ possibly }) => possibly.isOfNoProgram),
  );

/** What differs of what no program sends, and what that is. Packets from or to groups, or addresses that are no host's, are only counted. */
function kernelsBlocks({ compared }: DifferenceTold): readonly Block[] {
  const shown = compared.flatMap(({ family, direction, changes }) =>
    changes.flatMap((change) => {
      const [surely, possibly] = [change.surely.unowned, change.possibly.unowned];
      const among = possibly.or(possibly.not()).unowned;
      return possibly.isEmpty
        ? []
        : [BLANK, ...changeBlocks({ ...change, surely, possibly }, family, direction, among)];
    }),
  );
  return [
    paragraph(line(warn('Apart from these'), ': packets that no program sends, but the kernel itself:')),
    ...shown,
    BLANK,
    paragraph(line(faint(OF_THE_KERNEL)), 2),
  ];
}

const OF_THE_KERNEL =
  'The kernel itself sends answers (resets, replies to pings), errors, and what goes over connections that it opened on its own, as for a mount of SMB. Where the rules of nat decide, only the last matter: nat is asked about the first packet of a connection, and answers are none.';

function comparedBlocks({ family, direction, changes, tooComplex }: Compared): readonly Block[] {
  const title = directionWords(direction, family);
  if (tooComplex !== undefined) return [paragraph(line(strong(title), ': ', warn(tooComplex)), 2)];
  const shown = changes.filter(({ possibly }) => possibly.isOrdinary);
  const others = changes.length - shown.length;
  return [
    ...(shown.length > 0 ? shown : changes).flatMap((change) => [BLANK, ...changeBlocks(change, family, direction)]),
    ...(shown.length > 0 && others > 0
      ? [
          BLANK,
          paragraph(
            line(faint(`${title}: ${count(others, 'more kind')} of change for packets ${APART[direction]}: -o json`)),
          ),
        ]
      : []),
  ];
}

/** Packets that are not ordinary. */
const APART: Readonly<Record<Direction, string>> = {
  in: 'from or to groups, or addresses that are no host’s',
  out: 'from or to groups or addresses that are no host’s, or from no program',
};

/** More boxes are not shown. */
const MOST_BOXES = 6;

function changeBlocks(
  change: Compared['changes'][number],
  family: Family,
  direction: Direction,
  among?: PacketSet,
): readonly Block[] {
  const { before, after, surely, possibly, atTimes, example } = change;
  const open = surely.isEmpty;
  const { boxes, complete, others } = boxesOf(open ? possibly : surely, MOST_BOXES, among);
  const [was, is] = [before, after].map((end) => endPhrase(end, possibly));
  const title = directionWords(direction, family);
  const doubt = [...(atTimes ? ['at times'] : []), ...(open ? ['perhaps'] : [])].join(', ');
  const head = line(strong(title), ': ', was!, ' → ', strong(is!), doubt === '' ? '' : warn(` (${doubt})`));
  const rows = boxes.map((box) => [boxWords(box, family, direction)]);
  if (!complete) rows.push(['and others']);
  if (others) rows.push([`and packets ${APART[direction]}`]);
  const complex = [before, after].flatMap((end) => (end.kind === 'unknown' && isTooComplex(end) ? [end.because] : []));
  // One packet is followed easily: what is said of it is not why it is not known of all of them.
  const shown = complex.length > 0 ? whyBlocks(complex) : example ? exampleBlocks(example) : [];
  return [paragraph(head, 2), table(rows, { indent: 2 }), ...shown];
}

const isTooComplex = ({ because }: { readonly because: string }): boolean => because.startsWith('too complex: ');

const whyBlocks = (because: readonly string[]): readonly Block[] =>
  [...new Set(because)].map((one) => paragraph(line('    ', warn('? '), one), 6));

function exampleBlocks({ question, before, after }: Example): readonly Block[] {
  const decided = decidingApart(before, after);
  return [
    table(
      [
        [faint('for example'), questionWords(question)],
        ...sideRows('before', before, decided.before),
        ...sideRows('after', after, decided.after),
      ].map(([lead, text]) => [line(lead!), String(text)]),
      { indent: 4 },
    ),
  ];
}

/** Where the packet goes by one rule set, and by which rule, where that is not said already. */
function sideRows(side: string, { outcome }: Trace, step: RuleStep | undefined): readonly (readonly [Span, string])[] {
  const place = step ? `${step.table} ${step.chain} ${step.number}` : '';
  const rule = step && !outcome.because.startsWith(`${place} `) ? [`by ${place}  ${stepRuleWords(step)}`] : [];
  return [`${outcomePhrase(outcome)}: ${outcome.because}`, ...rule].map((text, at) => [
    faint(at === 0 ? side : ''),
    text,
  ]);
}

/** Where packets end, as a phrase: "the proxy on :15001", "the app, on the port that they ask for". */
export function endPhrase(end: End, packets: PacketSet): string {
  switch (end.kind) {
    case 'proxy':
      return end.port === 'own' ? 'the proxy itself' : `the proxy on :${end.port}`;
    case 'app':
      return end.port === 'own' ? 'the app' : `the app on :${end.port}`;
    case 'nobody listens':
      return end.port === 'own' ? 'nobody listens' : `nobody listens on :${end.port}`;
    case 'rejected':
      return `rejected with ${end.with}`;
    case 'forwarded':
      return `forwarded by ${packets.spokenName(end.out) || 'another interface'}${rewrittenWords(end)}`;
    case 'sent':
      return `sent by ${packets.spokenName(end.out) || 'another interface'}${rewrittenWords(end)}`;
    case 'delivered':
      return 'delivered to the kernel itself';
    case 'dropped':
    case 'unknown':
      return end.kind;
  }
}

const rewrittenWords = ({ to, from }: Extract<End, { readonly out: string }>): string =>
  [...(from ? ['from another source'] : []), ...(to ? ['to another destination'] : [])]
    .map((part) => `, ${part}`)
    .join('');
