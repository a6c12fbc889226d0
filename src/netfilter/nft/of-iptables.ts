import { STAGES } from '../path.ts';
import type { HookName, TableName } from '../rules.ts';
import type { NftExpression } from './expression.ts';
import type { NftStatement } from './statement.ts';
import { isAnonymous, type NftHook, type NftRule } from './table.ts';

/**
 * Whether iptables-save shows what a rule in a table of iptables says. It shows its own extensions, which nft does not; of
 * what nft itself writes it shows a few plain conditions, and leaves the rest out without a word (iptables 1.8.9 prints
 * `tcp dport { 80, 443 } drop` as `-p tcp -j DROP`). So a rule without any extension has to be made of those alone.
 */
export function isShownByIptables({ statements }: NftRule): boolean {
  if (statements.some(({ kind }) => kind === 'xt')) return true;
  const seen = new Set<string>();
  // NFLOG is a target: nothing comes after it.
  const last = statements.at(-1);
  return statements.every((statement) => isPlain(statement, seen) || (statement === last && isNflog(statement)));
}

const isNflog = (of: NftStatement): boolean =>
  of.kind === 'log' && of.group !== undefined && of.level === undefined && of.flags.length === 0;

function isPlain(statement: NftStatement, seen: Set<string>): boolean {
  switch (statement.kind) {
    case 'counter':
    case 'accept':
    case 'drop':
    case 'return':
      return true;
    case 'jump':
    case 'goto':
      return !isAnonymous({ name: statement.chain });
    case 'limit':
      return !statement.over && statement.unit === 'packets';
    case 'match': {
      const { left, operator, right } = statement;
      if (operator === '!' ? keyOf(left) !== FLAGS : operator !== '==' && operator !== '!=') return false;
      if (isFragmentOffset(left)) return isNumber(right, 0);
      const masked = left.kind === 'binary' && left.operator === '&';
      const key = keyOf(masked ? left.left : left);
      // Of two conditions on one field iptables keeps the last; marks are matches of their own.
      if (seen.has(key) && key !== 'mark') return false;
      seen.add(key);
      if (key === FLAGS) return (masked ? areFlags(left.right) : operator === '!') && areFlags(right);
      if (masked) return MASKED.has(key) && isValue(left.right) && isValue(right);
      return Object.hasOwn(PLAIN, key) && PLAIN[key]!(right);
    }
    default:
      return false;
  }
}

/** `ip saddr`, `mark`. */
const keyOf = (of: NftExpression): string =>
  of.kind === 'payload' ? `${of.protocol} ${of.field}` : of.kind === 'meta' ? of.key : '';

/** `ip frag-off & 0x1fff`: how iptables-nft writes -f. It shows every mask as if it were this one. */
const isFragmentOffset = (of: NftExpression): boolean =>
  of.kind === 'binary' &&
  of.operator === '&' &&
  of.left.kind === 'payload' &&
  of.left.field === 'frag-off' &&
  isNumber(of.right, 0x1fff);

const isNumber = (of: NftExpression, number: number): boolean => of.kind === 'value' && Number(of.value) === number;

const isValue = ({ kind }: NftExpression): boolean => kind === 'value';
/** `syn,ack`, or 0 for none: in JSON a list, or bits that are put together. Others than these six iptables does not know. */
const areFlags = (of: NftExpression): boolean =>
  (of.kind === 'value' && (SIX_FLAGS.has(String(of.value)) || Number(of.value) === 0)) ||
  (of.kind === 'list' && of.items.every(areFlags)) ||
  (of.kind === 'binary' && of.operator === '|' && areFlags(of.left) && areFlags(of.right));
const SIX_FLAGS: ReadonlySet<string> = new Set(['fin', 'syn', 'rst', 'psh', 'ack', 'urg']);
const isPrefix = (of: NftExpression): boolean => isValue(of) || of.kind === 'prefix';
const isPort = (of: NftExpression): boolean =>
  isValue(of) || (of.kind === 'range' && isValue(of.low) && isValue(of.high));

/** The conditions that both tools write alike, and what may stand at their right. */
const PLAIN: Readonly<Record<string, (right: NftExpression) => boolean>> = {
  'ip saddr': isPrefix,
  'ip daddr': isPrefix,
  'ip6 saddr': isPrefix,
  'ip6 daddr': isPrefix,
  'tcp sport': isPort,
  'tcp dport': isPort,
  'udp sport': isPort,
  'udp dport': isPort,
  iifname: isValue,
  oifname: isValue,
  l4proto: isValue,
  mark: isValue,
};

/** Written alike under a mask: a mark's, or that of an address, which may have holes. */
const MASKED: ReadonlySet<string> = new Set(['ip saddr', 'ip daddr', 'ip6 saddr', 'ip6 daddr', 'mark']);

/** `tcp flags syn / fin,syn,rst,ack`, and `tcp flags ! fin,syn` for none of them: --tcp-flags. */
const FLAGS = 'tcp flags';

/** Whether a base chain is the one that iptables-nft itself makes in a table of that name. */
export const isBaseOfIptables = (table: TableName, chain: string, { hook, type, priority }: NftHook): boolean =>
  chain.toLowerCase() === hook &&
  chain !== hook &&
  type === (table === 'nat' ? 'nat' : table === 'mangle' && hook === 'output' ? 'route' : 'filter') &&
  (STAGES[chain as HookName] ?? []).some(
    ({ name, backend, priority: standard }) => name === table && backend !== 'legacy' && standard === priority,
  );
