import {
  isAnonymous,
  type NftChain,
  type NftHook,
  type NftRule,
  type NftSet,
  type NftTable,
} from '../../netfilter/index.ts';
import type { NftPrintOptions } from './print-expression.ts';
import { block, printFlowtable, printObject, printSet } from './print-object.ts';
import { type PrintContext, printStatement } from './print-statement.ts';
import { printTypes } from './print-type.ts';
import { printName, quote } from './print-value.ts';
import { printPriority } from './priority.ts';

/**
 * Tables as `nft list ruleset` of nft 1.0.6 prints them: without state (`nft -s`) unless it is asked for, with handles
 * (`nft -a`) if they are asked for. What is opaque stands there in its own words.
 */
export const printNft = (tables: readonly NftTable[], options: NftPrintOptions = {}): string =>
  tables.map((table) => printTable(table, options)).join('');

function printTable(table: NftTable, options: NftPrintOptions): string {
  const { family, name, handle, comment, flags, words } = table;
  const handled = options.handles && handle !== undefined ? ` # handle ${handle}` : '';
  const head = `table ${family} ${printName(name)} {${handled}`;
  if (words !== undefined) return `${head}${words}\n}\n`;
  const about = [
    ...(flags.length > 0 ? [`\tflags ${flags.join(',')}\n`] : []),
    ...(comment === undefined ? [] : [`\tcomment ${quote(comment)}\n`]),
  ].join('');
  const context = contextOf(table, options);
  const parts = [
    ...table.objects.map((object) => printObject(object, options)),
    ...table.sets.map((set) => printSet(set, options)),
    ...table.flowtables.map((flowtable) => printFlowtable(flowtable, options)),
    ...table.chains.flatMap((chain) => (isAnonymous(chain) ? [] : printChain(chain, context))),
  ];
  // A blank line stands between what a table consists of, and behind its flags.
  const gap = flags.length > 0 && parts.length > 0 ? '\n' : '';
  return `${head}\n${about}${gap}${parts.join('\n')}}\n`;
}

const contextOf = ({ family, sets, chains }: NftTable, options: NftPrintOptions): PrintContext => ({
  family,
  options,
  setOf: (name) => sets.find((set) => set.name === name),
  blockOf(name) {
    const chain = chains.find((one) => one.name === name && isAnonymous(one));
    return chain && `{ ${chain.rules.map((rule) => `${printRuleOf(rule, this)}; `).join('')}}`;
  },
});

function printChain({ name, handle, comment, base, flags, rules }: NftChain, context: PrintContext): string {
  const lines = comment === undefined ? [] : [`comment ${quote(comment)}`];
  if (base) {
    lines.push(`type ${printNftHook(base)}; policy ${base.policy};`);
  }
  if (flags.length > 0) lines.push(`flags ${flags.join(',')};`);
  const { options } = context;
  for (const rule of rules) {
    const handled = options.handles && rule.handle !== undefined ? ` # handle ${rule.handle}` : '';
    lines.push(`${printRuleOf(rule, context)}${handled}`);
  }
  return block(`chain ${printName(name)}`, handle, lines, options);
}

/** Where a base chain is hooked in: `nat hook prerouting priority dstnat - 5`. */
export const printNftHook = ({ type, hook, priority, devices }: NftHook): string =>
  `${type} hook ${hook}${printDevices(devices)} priority ${printPriority(priority, hook)}`;

/** What a set is of, in one line: `type ipv4_addr . inet_service, flags interval`. */
export const printNftSetHead = (set: NftSet): string =>
  [printTypes(set), ...(set.flags.length > 0 ? [`flags ${set.flags.join(',')}`] : [])].join('; ');

const printDevices = (devices: readonly string[]): string => {
  if (devices.length === 0) return '';
  return devices.length === 1 ? ` device ${quote(devices[0]!)}` : ` devices = { ${devices.map(quote).join(', ')} }`;
};

function printRuleOf({ statements, comment }: NftRule, context: PrintContext): string {
  const words = statements.map((statement) => printStatement(statement, context));
  if (comment !== undefined) words.push(`comment ${quote(comment)}`);
  return words.join(' ');
}

/** A rule of a table in nft's words. */
export const printNftRule = (rule: NftRule, table: NftTable, options: NftPrintOptions = {}): string =>
  printRuleOf(rule, contextOf(table, options));
