import type { BypassPlan, Notice } from '../interception/index.ts';
import type { Outcome } from '../trace/index.ts';
import { outcomePhrase } from './packet.ts';
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
import { count, familyWord, portWord } from './words.ts';

/** What a bypass would change, what following packets says of it, what it does not cover. */
export function planScreen(plan: BypassPlan, check: Check, closing: string): Screen {
  // Where nothing changes, only what was not read may still want something.
  const notCovered = plan.notCovered.filter(({ about }) => plan.changes.length > 0 || about === 'other families');
  return [...planBlocks(plan), ...checkBlocks(check), ...coverBlocks(notCovered), paragraph(line(faint(closing)))];
}

/** The rules that come and go, and why some ports need none. */
export function planBlocks({ changes, already, unneeded, request }: BypassPlan): Block[] {
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
  const ends = request.until === undefined ? '' : expiryWords({ until: request.until, expired: false }, request.now);
  return [
    ...(rows.length > 0 ? [table(rows, { hang: 1 })] : [paragraph(line(strong('Nothing to do.')))]),
    ...[...already, ...unneeded].map(({ family, ports, because }) =>
      paragraph(line(faint(`  ${familyWord(family)} ${ports.map(portWord).join(' ')}: ${because}`)), 4),
    ),
    ...(ends !== '' && rows.length > 0 ? [paragraph(line('  ', strong(ends)), 2)] : []),
  ];
}

/** What following packets through the rules before and after told. Never called a proof: it is a handful of packets. */
export function checkBlocks({ witnesses, asMeant }: Check): Block[] {
  if (witnesses.length === 0) return [];
  const moved = witnesses.filter(isMoved);
  const shown = witnesses.filter((witness) => isMoved(witness) || witness.meant || !isAsMeant(witness));
  const still = witnesses.length - shown.length;
  const title = `Checked with ${count(witnesses.length, 'packet')}, followed through the rules before and after${moved.length === 0 ? '; none of them goes another way:' : ':'}`;
  return [
    paragraph(line(asMeant ? good('✓ ') : bad('✗ '), title), 2),
    table(
      shown.map((witness) => witnessRow(witness)),
      { indent: 2, hang: 1 },
    ),
    ...(still > 0
      ? [
          paragraph(
            line(faint(`  ${count(still, 'other')} (neighbouring ports, udp, outbound, own calls) stay as they are`)),
            2,
          ),
        ]
      : []),
  ];
}

function witnessRow(witness: Witness): Line[] {
  const { packet, family, before, after } = witness;
  const fault = isAsMeant(witness) ? '' : witness.meant ? 'should leave the proxy' : 'should stay as it is';
  return [
    line(`${packet}`, faint(family === 'ipv6' ? '  IPv6' : '')),
    isMoved(witness) ? line(short(before), faint(' → '), strong(short(after))) : line(faint(stays(after))),
    fault === '' ? [] : line(bad(`✗ ${fault}`)),
  ];
}

/** Why a packet goes nowhere else is worth a word where it never gets in. */
const stays = (outcome: Outcome): string =>
  outcome.kind === 'app' || outcome.kind === 'proxy'
    ? `${short(outcome)}, as before`
    : `${short(outcome)}, as before: ${outcome.because}`;

const short = (outcome: Outcome): string =>
  outcome.kind === 'proxy' || outcome.kind === 'app' ? `${outcome.kind} :${outcome.port}` : outcomePhrase(outcome);

function coverBlocks(notices: readonly Notice[]): Block[] {
  if (notices.length === 0) return [];
  return [
    paragraph(line(warn('Not covered:'))),
    table(
      notices.map(({ about, message }) => [line(about), line(faint(message))]),
      { indent: 2, hang: 1 },
    ),
  ];
}
