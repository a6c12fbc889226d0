import type { Summary } from '../interception/index.ts';
import type { HeldRules, Snapshot, TableName } from '../netfilter/index.ts';
import { chainsTable, isEmpty, type RuleNote } from './chains.ts';
import { nativeBlocks } from './native.ts';
import { type Next, nextBlock } from './next.ts';
import { BLANK, type Block, faint, line, paragraph, type Screen, strong } from './screen.ts';
import { bypassNote, cautions, namingOf, summaryBlocks } from './summary.ts';
import { familyWord, listed } from './words.ts';

export interface ListingOptions {
  /** Seconds since 1970: how long a bypass has left. */
  readonly now: number;
  readonly counters: boolean;
  /** The one table that is shown. */
  readonly table?: TableName;
  /** A command to go on with. */
  readonly next?: Next;
}

/** Who is intercepted here, then the chains. */
export function listingScreen(snapshot: Snapshot, summary: Summary, options: ListingOptions): Screen {
  const warnings = cautions(snapshot);
  return [
    ...summaryBlocks(summary, snapshot),
    ...warnings,
    BLANK,
    ...chainBlocks(snapshot, summary, options),
    ...nativeBlocks(snapshot.native ?? [], snapshot.clocks, options.counters),
    ...(options.next ? [nextBlock(options.next)] : []),
  ];
}

/** The chains of every family and back end; a heading where there is more than one. */
export function chainBlocks(
  snapshot: Snapshot,
  summary: Summary,
  { now, counters, table }: Pick<ListingOptions, 'now' | 'counters' | 'table'>,
): Block[] {
  const busy = snapshot.held.filter((held) => !isEmpty(held));
  const idle = snapshot.held.filter(isEmpty);
  const backends = new Set(busy.map(({ backend }) => backend));
  const ports = new Set(summary.recognitions.flatMap(({ proxyPorts }) => proxyPorts));
  const naming = namingOf(summary.recognitions);
  const title = (held: HeldRules): string =>
    `${familyWord(held.rules.family)}${backends.size > 1 ? `, iptables${held.untold ? '' : `-${held.backend}`}` : ''}`;
  const blocks = busy.flatMap((held) => [
    ...(busy.length > 1 || held.rules.family === 'ipv6' ? [paragraph(line(strong(title(held))))] : []),
    ...chainsTable(held, {
      isProxy: (port) => ports.has(port),
      naming,
      notes: notesOf(held, summary, now),
      counters,
    }),
    BLANK,
  ]);
  const nothing = table === undefined ? 'no rules' : `no rules in the table ${table}`;
  const families = [...new Set(idle.map(({ rules }) => rules.family))].filter(
    (family) => !busy.some(({ rules }) => rules.family === family),
  );
  return families.length === 0
    ? blocks
    : [...blocks, paragraph(line(faint(`${listed(families.map(familyWord))}: ${nothing}`))), BLANK];
}

function notesOf(held: HeldRules, { bypasses, idle, recognitions }: Summary, now: number): RuleNote[] {
  const { family } = held.rules;
  const own = bypasses
    .filter((bypass) => bypass.family === family && bypass.backend === held.backend)
    .map((bypass): RuleNote => {
      const { table, chain, number, expired } = bypass;
      const isIdle = idle.some(({ rule }) => rule === bypass.rule);
      return {
        table,
        chain,
        number,
        text: bypassNote(bypass, now, isIdle),
        tone: expired || isIdle ? 'warn' : 'good',
      };
    });
  const foreign = recognitions
    .filter((one) => one.family === family && one.dialect !== 'hand-made')
    .flatMap(({ foreign: places, title }) =>
      places.map((place): RuleNote => ({ ...place, text: `not ${title}'s`, tone: 'warn' })),
    );
  return [...own, ...foreign];
}
