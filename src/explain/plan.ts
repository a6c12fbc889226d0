import type { Bypass, BypassPlan, Notice } from '../interception/index.ts';
import type { Outcome } from '../trace/index.ts';
import { outcomePhrase } from './packet.ts';
import { cutsAll, isExact, type Proof } from './proof.ts';
import { proofBlocks } from './proof-screen.ts';
import { ruleWords } from './rule.ts';
import {
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
import { expiryWords } from './summary.ts';
import { type Check, isAsMeant, isMoved, type Witness } from './witnesses.ts';
import { count, familyWord, listed, portWord } from './words.ts';

/** What a bypass would change, what following packets says of it, what it does not cover. */
export function planScreen(plan: BypassPlan, told: Told, closing: Screen): Screen {
  return [...planBlocks(plan), ...toldBlocks(told), ...coverBlocks(coverOf(plan)), ...closing];
}

/** What is known of what a bypass does to packets: of all of them, and of some that were followed one by one. */
export interface Told {
  readonly check: Check;
  readonly proof: Proof;
  /** Why this plan, where others were possible. */
  readonly why?: string | undefined;
  /** Why it is not carried out, a clause; undefined where it is. */
  readonly refused?: string | undefined;
}

/** Why a plan is refused by what is proved of it: it would change something else, or only cut the ports off. */
export const refusalBy = (proof: Proof): string | undefined =>
  proof.beyond.length > 0
    ? 'a bypass changes nothing else'
    : cutsAll(proof)
      ? 'it would only cut the ports off, so let them in first'
      : undefined;

/** Whether a bypass does what was asked for, and nothing else. */
export const isAsAsked = ({ check, proof }: Told): boolean =>
  check.asMeant && proof.beyond.length === 0 && proof.left.length === 0 && !cutsAll(proof);

/** Where all is proved, single packets have nothing to add. */
export const toldBlocks = ({ check, proof, why }: Told): Block[] => [
  ...(why === undefined ? [] : [paragraph(line(faint(`  ${why}.`)), 4)]),
  ...proofBlocks(proof),
  ...(isExact(proof) && check.asMeant ? [] : checkBlocks(check)),
];

/** Where nothing changes, only what was not read may still want something. */
export const coverOf = ({ notCovered, changes }: BypassPlan): readonly Notice[] =>
  notCovered.filter(({ about }) => changes.length > 0 || about === 'other families' || about === 'native tables');

/** The rules that come and go, and why some ports need none. */
export function planBlocks(plan: BypassPlan): Block[] {
  const { changes } = plan;
  const rows = changes.flatMap(({ action, table: where, chain, number, family, rule, was }) => {
    const place = line(name(`${where} ${chain}`));
    const [fresh, old] = [line(ruleWords(rule, family)), was ? line(faint(ruleWords(was, family))) : []];
    const tail = line(faint(familyWord(family)));
    if (action === 'insert') return [[place, line(good('+'), ` ${number}`), fresh, tail]];
    if (action === 'remove') return [[place, line(bad('-'), ` ${number}`), fresh, tail]];
    return [
      [place, line(bad('-'), ` ${number}`), old, tail],
      [[], line(good('+'), ` ${number}`), fresh, tail],
    ];
  });
  return [
    ...(rows.length > 0 ? [table(rows, { hang: 1 })] : [paragraph(line(strong('Nothing to do.')))]),
    ...asideBlocks(plan),
    ...(rows.length > 0 ? endBlocks(plan) : []),
  ];
}

/** Why some ports need no rule, and which bypasses of them let nothing pass. */
export const asideBlocks = ({ already, unneeded, idle }: BypassPlan): Block[] => [
  ...[...already, ...unneeded].map(({ family, ports, because }) =>
    paragraph(line(faint(`  ${familyWord(family)} ${ports.map(portWord).join(' ')}: ${because}`)), 4),
  ),
  ...idle.map((bypass) => paragraph(line(warn('  without effect: '), idleWords(bypass)), 4)),
];

const idleWords = ({ family, table: where, chain, number, ports }: Bypass): string =>
  `${where} ${chain} ${number}, a bypass of ${ports.map(portWord).join(' ')} in ${familyWord(family)}, stands where nothing catches it now`;

/** When the kernel ends it. */
export function endBlocks({ request: { until, now } }: BypassPlan): Block[] {
  return until === undefined ? [] : [paragraph(line('  ', strong(expiryWords({ until, expired: false }, now))), 2)];
}

/** What following packets through the rules before and after told. Never called a proof: other packets may fare otherwise. */
function checkBlocks({ witnesses, asMeant, left }: Check): Block[] {
  if (witnesses.length === 0) return [];
  const moved = witnesses.filter(isMoved);
  const shown = shownOf(witnesses);
  const still = witnesses.length - shown.length;
  const title = `Checked with ${count(witnesses.length, 'packet')}, followed through the rules before and after${moved.length === 0 ? '; none of them goes another way:' : ':'}`;
  return [
    paragraph(line(asMeant ? good('✓ ') : bad('✗ '), title), 2),
    table(alike(shown).map(witnessRow), { indent: 2, hang: 1 }),
    ...(still > 0
      ? [
          paragraph(
            line(faint(`  ${count(still, 'other')} (other ports, udp, outbound, own calls) stay as they are`)),
            2,
          ),
        ]
      : []),
    ...(left > 0
      ? [paragraph(line(warn('  not looked at: '), `${count(left, 'more port')} at which a rule begins or ends`), 2)]
      : []),
  ];
}

/** What moves, what was meant to, what should not have. Of own calls, those that nothing catches only where none moves. */
function shownOf(witnesses: readonly Witness[]): readonly Witness[] {
  const selfMoves = witnesses.some((witness) => witness.self && isMoved(witness));
  return witnesses.filter(
    (witness) =>
      isMoved(witness) || !isAsMeant(witness) || (witness.meant && !(witness.self && (selfMoves || isSecond(witness)))),
  );

  /** Where no own call moves, one line for a port says so. */
  function isSecond({ packet, port, family }: Witness): boolean {
    return witnesses.find((one) => one.self && one.port === port && one.family === family)?.packet !== packet;
  }
}

/** Packets that fare alike, those that go another way first. */
function alike(witnesses: readonly Witness[]): readonly (readonly Witness[])[] {
  const groups = new Map<string, Witness[]>();
  for (const witness of [...witnesses.filter(isMoved), ...witnesses.filter((one) => !isMoved(one))]) {
    const { family, self } = witness;
    const key = JSON.stringify([family, self, isMoved(witness), isAsMeant(witness), ...pathOf(witness, 'several')]);
    groups.set(key, [...(groups.get(key) ?? []), witness]);
  }
  return [...groups.values()];
}

/** So many packets of a row are named, the others counted. */
const MOST_NAMED = 6;

function witnessRow(group: readonly Witness[]): Line[] {
  const [witness] = group;
  if (!witness) return [];
  const fault = isAsMeant(witness) ? '' : witness.meant ? 'should leave the proxy' : 'should stay as it is';
  const [from, to] = pathOf(witness, group.length > 1 ? 'several' : 'one');
  const named = group.slice(0, group.length > MOST_NAMED ? MOST_NAMED - 1 : MOST_NAMED).map(({ packet }) => packet);
  const more = group.length - named.length;
  return [
    line(listed(more > 0 ? [...named, `${more} more`] : named), faint(witness.family === 'ipv6' ? '  IPv6' : '')),
    to === undefined ? line(faint(from)) : line(from, faint(' → '), strong(to)),
    fault === '' ? [] : line(bad(`✗ ${fault}`)),
  ];
}

/** Where a packet ended and where it ends now; one clause where both are the same. */
function pathOf(witness: Witness, group: 'one' | 'several'): readonly [from: string, to?: string] {
  const { port, before, after } = witness;
  const say = (outcome: Outcome): string =>
    group === 'several' && outcome.kind === 'app' && outcome.port === port ? 'app' : short(outcome);
  if (isMoved(witness)) return [say(before), say(after)];
  // Why a packet goes nowhere else is worth a word where it never gets in.
  const why = after.kind === 'app' || after.kind === 'proxy' ? '' : `: ${after.because}`;
  return [`${say(after)}, as before${why}`];
}

const short = (outcome: Outcome): string =>
  outcome.kind === 'proxy' || outcome.kind === 'app' ? `${outcome.kind} :${outcome.port}` : outcomePhrase(outcome);

/** What is not covered, each by its name. */
export function coverBlocks(notices: readonly Notice[]): Block[] {
  if (notices.length === 0) return [];
  return [
    paragraph(line(warn('Not covered:'))),
    table(
      notices.map(({ about, message }) => [line(about), line(faint(message))]),
      { indent: 2, hang: 1 },
    ),
  ];
}
