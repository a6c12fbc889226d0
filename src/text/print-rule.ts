import type { Family } from '../address/index.ts';
import {
  type Backend,
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
export const printRule = (rule: Rule, family: Family): string => printSpec(rule, family, 'legacy').slice(1);

/** The same with a blank before each part, in the words of a back end: legacy keeps those of the rule. */
export function printSpec(rule: Rule, family: Family, backend: Backend): string {
  let text = printHeader(rule.header);
  for (const use of rule.matches) text += printMatch(use, family, backend);
  return rule.target ? text + printTarget(rule.target, family, backend) : text;
}

/** Whether the kernel holds the two alike: counters, line and reason do not count. */
export const sameRule = (a: Rule, b: Rule, family: Family): boolean =>
  a === b || printSpec(a, family, 'nft') === printSpec(b, family, 'nft');

function printMatch(use: MatchUse | OpaqueUse, family: Family, backend: Backend): string {
  if (use.kind === 'known') return ` -m ${use.name}${printOptions(findMatch(use.name), use.options, family, backend)}`;
  const words = use.words.length > 0 ? ` ${use.words.join(' ')}` : '';
  return use.name === '' ? words : ` -m ${use.name}${words}`;
}

function printTarget(target: TargetUse, family: Family, backend: Backend): string {
  switch (target.kind) {
    case 'jump':
      return ` -j ${target.chain}`;
    case 'goto':
      return ` -g ${target.chain}`;
    case 'known':
      return ` -j ${target.name}${printOptions(findTarget(target.name), target.options, family, backend)}`;
    case 'opaque': {
      const words = target.words.length > 0 ? ` ${target.words.join(' ')}` : '';
      return target.name === '' ? words : ` -j ${target.name}${words}`;
    }
  }
}

function printOptions(
  extension: Extension<object> | undefined,
  given: object,
  family: Family,
  backend: Backend,
): string {
  if (!extension) return '';
  const complete = extension.complete?.(given, family) ?? given;
  const printed = backend === 'nft' ? (extension.asNft?.(complete) ?? complete) : complete;
  const options = printed as Readonly<Record<string, unknown>>;
  const table = tableOf(extension);
  let text = '';
  for (const key in table) {
    const value = options[key];
    if (value === undefined) continue;
    const entry = table[key]!;
    const option = (Array.isArray(entry) ? entry[0] : entry) as Option<unknown>;
    const words = option.print(value, family);
    if (words !== '') text += ` ${words}`;
  }
  return text;
}
