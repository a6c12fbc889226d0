import type { Family } from '../../address/index.ts';
import {
  type Backend,
  BUILT_IN,
  type Chain,
  type HeldRules,
  isBuiltIn,
  type Rule,
  type Snapshot,
  TABLES,
  type Table,
  type TableName,
} from '../../netfilter/index.ts';
import { type Diagnostic, diagnosticAt, Fault, InputRefused } from '../diagnostic.ts';
import { isSaidByNft, withHidden } from '../hidden-part.ts';
import type { ReadOptions } from '../reading.ts';
import { hiddenChain } from './hidden-chain.ts';
import { HEAD } from './lines.ts';
import { isLoneRule, isRuleLine, LONE_RULE } from './lone-rule.ts';
import {
  cutListing,
  familyOfListing,
  type ListedChain,
  type ListedTable,
  type TextLine,
  tableOfListing,
} from './parts.ts';
import { countersOf, readListedRule } from './rule.ts';
import { unshownParts } from './unshown.ts';

/** Whether a text holds what `iptables -L` prints: the line that begins a chain, and no table of iptables-save. */
export const isListing = (text: string): boolean =>
  new RegExp(HEAD.source, 'm').test(text) && !/^[ \t]*\*(?:nat|filter|mangle|raw|security)[ \t\r]*$/m.test(text);

/** Refuses a text of rules as a listing has them, where no chain is told. */
export function refuseLoneRules(text: string, source: string): void {
  if (!isLoneRule(text)) return;
  const line = cutListing(text).strays.find((stray) => isRuleLine(stray.text));
  if (!line) return;
  const from = line.text.search(/\S/);
  const fault = new Fault(line.at + from, line.text.trim().length, LONE_RULE.message, LONE_RULE.hint);
  throw new InputRefused(source, [diagnosticAt(text, fault, line.number, line.at)]);
}

/**
 * Reads what `iptables -L` or `ip6tables -L` prints, with any of -n, -v, -x and --line-numbers, of one table or of several
 * one after the other. A condition that the listing does not show is kept as one that the rule may have; `unread` says once
 * what that is. Throws InputRefused.
 *
 * @example readListing('Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\n')
 */
export function readListing(text: string, options: ReadOptions = {}): Snapshot {
  const source = options.source ?? '-';
  const { tables: parts, strays, dump } = cutListing(text);
  const diagnostics: Diagnostic[] = [];
  const complain = (line: TextLine, message: string, hint: string): void => {
    const from = line.text.search(/\S/);
    const fault = new Fault(line.at + from, line.text.trim().length, message, hint);
    diagnostics.push(diagnosticAt(text, fault, line.number, line.at));
  };
  for (const line of strays)
    if (isRuleLine(line.text)) complain(line, LONE_RULE.message, LONE_RULE.hint);
    else complain(line, 'this line is no part of a listing', FITS);
  if (dump) complain(dump, 'here begins what a second -v adds: the rules in the form of the kernel', ONE_V);
  const held = new Map<string, Held>();
  const saidByNft = isSaidByNft(text);
  for (const part of parts) {
    const family = options.family ?? familyOfListing(part) ?? 'ipv4';
    const found = tableOfListing(part, options.table);
    if (!found) {
      const [{ head, line }] = part.chains as [ListedChain, ...ListedChain[]];
      complain(line, `which table this ${head.chain} is of is not told: several have it`, NAME_TABLE);
      continue;
    }
    const { name, guessed } = found;
    const backend = part.command?.backend ?? 'nft';
    if (guessed)
      options.note?.(`the table is taken to be ${name}: what iptables -L prints does not name it (--table NAME does)`);
    const key = `${family} ${backend}`;
    const before = held.get(key) ?? { backend, told: false, family, tables: [] };
    before.told ||= saidByNft || part.command?.backend !== undefined;
    held.set(key, before);
    if (before.tables.some((table) => table.name === name)) {
      complain(part.chains[0]!.line, `the table ${name} stands here a second time`, 'Give one listing of each table.');
      continue;
    }
    before.tables.push(readTable(part, name, family, complain));
  }
  if (diagnostics.length > 0) {
    if (!options.keepGoing)
      throw new InputRefused(
        source,
        diagnostics.sort((a, b) => a.line - b.line),
      );
    for (const diagnostic of diagnostics) options.report?.(diagnostic);
  }
  if (/\s!?localhost\s/.test(text)) options.note?.('localhost is taken to be 127.0.0.1 (::1 in IPv6)');
  if (/\s!?loopback\/8\s/.test(text)) options.note?.('loopback/8 is taken to be 127.0.0.0/8');
  const rules = [...held.values()].map(
    ({ backend, told, family, tables }): HeldRules => ({
      backend,
      ...(told ? {} : { untold: true }),
      rules: { family, tables: inOrder(tables) },
    }),
  );
  return { origin: source, held: withHidden(text, rules), unread: unshownParts(rules) };
}

/** The tables of one family, and the back end that holds them: told by the text, or taken to be nft. */
interface Held {
  readonly backend: Backend;
  told: boolean;
  readonly family: Family;
  readonly tables: Table[];
}

const NAME_TABLE = 'Name the table that was listed: --table nat, --table mangle or --table raw.';

const ONE_V =
  'List them with one -v (iptables -L -n -v), or give the output of iptables-save: it shows all that -vv does.';

const FITS = 'Expected lines as iptables -L prints them: Chain NAME (…), the names of the columns, then rules.';

const inOrder = (tables: readonly Table[]): Table[] =>
  [...tables].sort((a, b) => TABLES.indexOf(a.name) - TABLES.indexOf(b.name));

function readTable(
  { chains }: ListedTable,
  name: TableName,
  family: Family,
  complain: (line: TextLine, message: string, hint: string) => void,
): Table {
  const names = new Set(chains.map(({ head }) => head.chain).filter((chain) => !isBuiltIn(name, chain)));
  const missing = BUILT_IN[name].filter((hook) => !chains.some(({ head }) => head.chain === hook));
  const whole = missing.length === 0;
  const readChain = ({ head, columns, rules }: ListedChain): Chain => ({
    name: head.chain,
    ...(head.policy ? { policy: head.policy } : {}),
    ...(head.packets === undefined ? {} : { counters: countersOf(head.packets, head.bytes)! }),
    rules: rules.flatMap((line) => {
      const rule: Rule | undefined =
        columns &&
        readListedRule(
          line.text,
          columns,
          { family, table: name, chain: head.chain, chains: names, whole },
          line.number,
        );
      if (!rule) complain(line, 'this line is no rule as iptables -L prints them', FITS_RULE);
      return rule ?? [];
    }),
  });
  const read = chains.map(readChain);
  return {
    name,
    chains: [...read, ...missing.map(hiddenChain)],
  };
}

const FITS_RULE =
  'Expected a target, a protocol, "--", addresses, in the order of the columns above. Was the line broken in two?';
