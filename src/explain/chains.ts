import type { Family } from '../address/index.ts';
import { type Chain, type HeldRules, isBuiltIn, type Rule, type Table, type TableName } from '../netfilter/index.ts';
import { conditionWords, type Naming } from './condition.ts';
import { effectWords, type IsProxyPort } from './rule.ts';
import { type Block, bad, faint, type Line, line, name, span, strong, table, warn } from './screen.ts';
import { count } from './words.ts';

/** Something to say beside a rule, by its place: a bypass and its expiry, a rule that the mesh did not write. */
export interface RuleNote {
  readonly table: TableName;
  readonly chain: string;
  /** One-based. */
  readonly number: number;
  readonly text: string;
  readonly tone: 'warn' | 'good' | 'faint';
}

export interface ChainOptions {
  readonly isProxy: IsProxyPort;
  readonly naming: Naming;
  readonly notes: readonly RuleNote[];
  /** The packets that each rule and policy saw. */
  readonly counters: boolean;
}

/** One family's chains in the order in which a packet meets them: each built-in chain, then those it leads to. */
export function chainsTable({ rules }: HeldRules, options: ChainOptions): Block[] {
  const rows = rules.tables.flatMap((part) => tableRows(part, rules.family, options));
  return rows.length > 0 ? [table(rows, { hang: 3, optional: 6 })] : [];
}

function tableRows(part: Table, family: Family, options: ChainOptions): Line[][] {
  const rows: Line[][] = [];
  const called = new Set(part.chains.flatMap(({ rules }) => rules.flatMap((rule) => ledTo(rule) ?? [])));
  for (const chain of asMet(part)) {
    for (const row of chainRows(part, chain, called.has(chain.name), family, options)) {
      rows.push([rows.length === 0 ? line(name(part.name)) : [], ...row]);
    }
  }
  return rows;
}

/** Chains in the order in which packets meet them: each built-in one, then all that it leads to, then those left over. */
function asMet({ name: tableName, chains }: Table): readonly Chain[] {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const met = new Set<Chain>();
  const begin = [...chains.filter((chain) => isBuiltIn(tableName, chain.name)), ...chains];
  for (const first of begin) {
    // A stack of its own: legacy takes chains that are nested thousands deep.
    const open = [first];
    for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
      if (met.has(chain)) continue;
      met.add(chain);
      const next = chain.rules.flatMap((rule) => byName.get(ledTo(rule) ?? '') ?? []);
      open.push(...next.reverse());
    }
  }
  return [...met];
}

/** The chain that a rule jumps or goes to. */
const ledTo = ({ target }: Rule): string | undefined =>
  target?.kind === 'jump' || target?.kind === 'goto' ? target.chain : undefined;

function chainRows(part: Table, chain: Chain, called: boolean, family: Family, options: ChainOptions): Line[][] {
  const builtIn = isBuiltIn(part.name, chain.name);
  const policy = chain.policy ?? 'ACCEPT';
  // A built-in chain that lets everything pass says nothing.
  if (builtIn && chain.rules.length === 0 && policy === 'ACCEPT') return [];
  const rows = chain.rules.map((rule, index) => ruleRow(part.name, chain, rule, index + 1, family, options));
  if (chain.rules.length === 0 && !builtIn) rows.push([[], [], line(faint('no rules: back to the calling chain'))]);
  if (builtIn && policy !== 'ACCEPT') rows.push([[], [], line(faint('all others')), line(bad(`policy ${policy}`))]);
  const idle = builtIn || called ? '' : 'nothing leads here  ';
  return rows.map(([, number = [], conditions = [], effect = [], notes = [], why = []], index) => [
    line(strong(index === 0 ? chain.name : '')),
    number,
    conditions,
    effect,
    [...line(faint(index === 0 ? idle : '')), ...notes],
    why,
  ]);
}

function ruleRow(
  tableName: TableName,
  chain: Chain,
  rule: Rule,
  number: number,
  family: Family,
  { isProxy, naming, notes, counters }: ChainOptions,
): Line[] {
  const conditions = conditionWords(rule, family, naming);
  const beside = notes.filter(
    (note) => note.table === tableName && note.chain === chain.name && note.number === number,
  );
  return [
    [],
    line(faint(String(number))),
    line(conditions === '' ? faint('all') : conditions),
    line(effectWords(rule, family, isProxy)),
    [
      ...(counters && rule.counters ? line(`${count(Number(rule.counters.packets), 'packet')}  `) : []),
      ...beside.flatMap(({ text, tone }) => line(tone === 'warn' ? warn(`${text}  `) : span(`${text}  `, tone))),
      // Its own note says of a bypass more than its comment does.
      ...(beside.some(({ text }) => text.startsWith('bypass')) ? [] : line(faint(commentOf(rule)))),
    ],
    line(faint(commentOf(rule) === '' ? (rule.reason ?? '') : '')),
  ];
}

/** A rule's comments, quoted. */
export function commentOf(rule: Rule): string {
  const comments = rule.matches.flatMap((use) =>
    use.kind === 'known' && use.name === 'comment'
      ? [(use.options as { readonly comment?: string }).comment ?? '']
      : [],
  );
  return comments.map((text) => `"${text}"`).join(' ');
}

/** Whether a set of rules does anything at all. */
export const isEmpty = ({ rules }: HeldRules): boolean =>
  rules.tables.every(({ chains, name: tableName }) =>
    chains.every(
      (chain) =>
        chain.rules.length === 0 && (chain.policy ?? 'ACCEPT') === 'ACCEPT' && isBuiltIn(tableName, chain.name),
    ),
  );
