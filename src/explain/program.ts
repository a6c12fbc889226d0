import type { Family } from '../address/index.ts';
import { type Notice, type Program, type Summary, withNativeSets } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { routingWords } from './change-document.ts';
import { chainBlocks } from './listing.ts';
import { BLANK, type Block, faint, line, name, paragraph, type Screen, table, warn } from './screen.ts';
import { summaryLines } from './summary.ts';

/** What a dry run of `init` shows: what would be intercepted, then every rule with the reason for it. */
export function programScreen(
  snapshot: Snapshot,
  summary: Summary,
  program: Program,
  families: readonly Family[],
): Screen {
  // Native tables are shown as the rules of iptables that they mean, as any others are.
  const shown = withNativeSets(snapshot);
  const routing = program.routing.filter(({ family }) => families.includes(family));
  return [
    ...summaryLines(summary, snapshot),
    BLANK,
    ...chainBlocks(shown, summary, { now: 0, counters: false }),
    ...(routing.length > 0
      ? [table(routing.map((change) => [line(name('routing')), line(`ip ${routingWords(change)}`)])), BLANK]
      : []),
    paragraph(
      line(faint('Nothing has been changed: this is a dry run. -o save prints the rules as iptables-save would.')),
    ),
  ];
}

/** Something the user ought to know of what was asked. */
export const noticeBlocks = (notices: readonly Notice[]): Block[] =>
  notices.map(({ about, message }) => paragraph(line(warn('note: '), `${about}: ${message}`), 2));
