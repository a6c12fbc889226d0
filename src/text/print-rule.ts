import type { Family } from '../address/index.ts';
import {
  type Extension,
  findMatch,
  findTarget,
  type MatchUse,
  type OpaqueUse,
  type Option,
  type Rule,
  type TargetUse,
} from '../netfilter/index.ts';
import { printHeader } from './header.ts';
import { tableOf } from './spelling.ts';

/**
 * A rule as iptables-save writes it, without `-A CHAIN`; empty for a rule without any condition or target.
 *
 * @example printRule(rule, 'ipv4') // '-p tcp -m tcp --dport 8888 -j RETURN'
 */
export const printRule = (rule: Rule, family: Family): string => printSpec(rule, family).slice(1);

/** The same with a blank before each part. */
export function printSpec(rule: Rule, family: Family): string {
  let text = printHeader(rule.header);
  for (const use of rule.matches) text += printMatch(use, family);
  return rule.target ? text + printTarget(rule.target, family) : text;
}

/** Whether the kernel holds the two alike: counters, origin and reason do not count. */
export const sameRule = (a: Rule, b: Rule, family: Family): boolean =>
  a === b || printSpec(a, family) === printSpec(b, family);

function printMatch(use: MatchUse | OpaqueUse, family: Family): string {
  if (use.kind === 'known') return ` -m ${use.name}${printOptions(findMatch(use.name), use.options, family)}`;
  const words = use.words.length > 0 ? ` ${use.words.join(' ')}` : '';
  return use.name === '' ? words : ` -m ${use.name}${words}`;
}

function printTarget(target: TargetUse, family: Family): string {
  switch (target.kind) {
    case 'jump':
      return ` -j ${target.chain}`;
    case 'goto':
      return ` -g ${target.chain}`;
    case 'known':
      return ` -j ${target.name}${printOptions(findTarget(target.name), target.options, family)}`;
    case 'opaque': {
      const words = target.words.length > 0 ? ` ${target.words.join(' ')}` : '';
      return target.name === '' ? words : ` -j ${target.name}${words}`;
    }
  }
}

function printOptions(extension: Extension<object> | undefined, given: object, family: Family): string {
  if (!extension) return '';
  const options = (extension.complete?.(given, family) ?? given) as Readonly<Record<string, unknown>>;
  const table = tableOf(extension);
  let text = '';
  for (const key in table) {
    const value = options[key];
    if (value === undefined) continue;
    const entry = table[key]!;
    const printed = (Array.isArray(entry) ? (entry[0] as Option<unknown>) : (entry as Option<unknown>)).print(
      value,
      family,
    );
    if (printed !== '') text += ` ${printed}`;
  }
  return text;
}
