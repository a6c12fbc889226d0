import { parseAddress } from '../../address/index.ts';
import { cutColumns } from './columns.ts';
import { type ColumnsLine, lineKind } from './lines.ts';

/** `iptables -L CHAIN NUMBER` prints one rule, and nothing that says what its columns are: they may be any of these. */
const COLUMNS: readonly ColumnsLine[] = [false, true].flatMap((verbose) =>
  [false, true].map((numbers): ColumnsLine => ({ kind: 'columns', verbose, numbers, target: 0 })),
);

/** Whether a line is a rule as a listing has them: a protocol, options, two addresses. */
export const isRuleLine = (line: string): boolean =>
  /\s(?:--|-f|!f)\s/.test(line.slice(0, LONGEST_COLUMNS)) &&
  COLUMNS.some((columns) => {
    const cut = cutColumns(line, columns);
    return cut !== undefined && cut.fragment !== '' && isSide(cut.source.text) && isSide(cut.destination.text);
  });

const LONGEST_COLUMNS = 200;

const isSide = (text: string): boolean =>
  /^!?(?:anywhere|localhost)$/.test(text) || parseAddress(text.replace(/^!/, '').replace(/\/.*$/, '')) !== undefined;

/** Whether a text holds rules of a listing and no chain, the command before them or not. */
export function isLoneRule(text: string): boolean {
  let found = false;
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('\n', at);
    const end = next < 0 ? text.length : next;
    const line = text.slice(at, Math.min(end, at + LONGEST_LINE)).replace(/\r$/, '');
    at = end + 1;
    if (line.trim() === '') continue;
    if (isRuleLine(line)) found = true;
    else if (!['empty', 'remark', 'command'].includes(lineKind(line).kind)) return false;
  }
  return found;
}

/** A longer line is no rule's. */
const LONGEST_LINE = 4096;

/** What is wrong with such a rule, and the way out. */
export const LONE_RULE = {
  message:
    'a rule without its chain: the listing shows one rule only, and not the chain, its policy and the other rules',
  hint: 'List the whole chain (iptables -L CHAIN -n -v), or the rule as it is typed (iptables -S CHAIN NUMBER).',
} as const;
