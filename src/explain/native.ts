import { asksMeta, isFollowed, type NftChain, type NftSet, type NftTable, type Snapshot } from '../netfilter/index.ts';
import { printNftHook, printNftRule, printNftSetHead } from '../text/index.ts';
import {
  BLANK,
  type Block,
  bad,
  faint,
  type Line,
  line,
  name,
  paragraph,
  span,
  strong,
  table,
  warn,
} from './screen.ts';
import { count } from './words.ts';

/** The native tables of nftables: their chains with hook, priority and policy, and the rules in nft's words. */
export const nativeBlocks = (tables: readonly NftTable[], clocks: Snapshot['clocks'], counters: boolean): Block[] =>
  tables.flatMap((part) => [
    paragraph([
      ...line(strong(`nftables, table ${part.family} ${part.name}`)),
      ...noteOf(part),
      ...(clocks?.nft && asksMeta(part, SHOWN_IN_A_ZONE) ? line(faint('  times are in UTC')) : []),
    ]),
    ...tableBlock(part, counters),
    BLANK,
  ]);

/** Keys of `meta` that nft shows in the time zone of whoever asks it. */
const SHOWN_IN_A_ZONE: ReadonlySet<string> = new Set(['hour', 'time']);

/** What has to be known of a table before its rules are read. */
function noteOf(part: NftTable): Line {
  if (!isFollowed(part)) return line(warn('  not followed; nft list shows it'));
  if (part.flags.includes('dormant')) return line(warn('  dormant: no packet passes here'));
  if (part.flags.includes('unknown')) return line(warn('  whether it is dormant, nft does not tell in JSON'));
  const hidden = hiddenIn(part);
  if (hidden !== undefined) return line(warn(`  iptables wrote it, and of xt ${hidden}`));
  return part.comment === undefined ? [] : line(faint(`  "${part.comment}"`));
}

/** Why something of the table is not shown, if iptables wrote it. */
function hiddenIn({ chains }: NftTable): string | undefined {
  for (const { rules } of chains) {
    for (const { statements } of rules) {
      for (const statement of statements) if (statement.kind === 'xt') return statement.because;
    }
  }
  return undefined;
}

function tableBlock(part: NftTable, counters: boolean): Block[] {
  const sets = part.sets.map((set) => setRow(set));
  const base = part.chains.filter((chain) => chain.base);
  const others = part.chains.filter((chain) => !chain.base);
  const rows = [...sets, ...[...base, ...others].flatMap((chain) => chainRows(part, chain, counters))];
  return rows.length > 0 ? [table(rows, { indent: 2, hang: 2 })] : [];
}

function setRow(set: NftSet): Line[] {
  const size = count(set.elements.length, 'element');
  return [line(name(`@${set.name}`)), [], line(printNftSetHead(set)), line(faint(size))];
}

function chainRows(part: NftTable, chain: NftChain, counters: boolean): Line[][] {
  const { base, rules, comment } = chain;
  const rows: Line[][] = rules.map((rule, index) => [
    [],
    line(faint(String(index + 1))),
    line(printNftRule({ statements: rule.statements }, part, { state: counters })),
    line(faint(rule.comment === undefined ? '' : `"${rule.comment}"`)),
  ]);
  if (base) rows.unshift([[], [], line(faint(printNftHook(base))), []]);
  if (base && base.policy !== 'accept')
    rows.push([[], [], line(faint('all others ')), line(bad(`policy ${base.policy}`))]);
  if (rows.length === 0) rows.push([[], [], line(faint('no rules: back to the calling chain')), []]);
  return rows.map(([, number = [], words = [], note = []], index) => [
    line(strong(index === 0 ? chain.name : '')),
    number,
    words,
    index === 0 && comment !== undefined ? [...note, span(`"${comment}"`, 'faint')] : note,
  ]);
}
