import type { Family } from '../address/index.ts';
import {
  BUILT_IN,
  type Chain,
  type HeldRules,
  isTableName,
  type Rule,
  type Table,
  type TableName,
} from '../netfilter/index.ts';
import { familyOfHead, familyOfTool, familySaid } from './family.ts';

/** A rule in place of all that a text says is there and does not show: it may match anything and do anything. */
export const hiddenRule = (words: string, because: string): Rule => ({
  header: {},
  matches: [],
  target: { kind: 'opaque', name: '', words: [`(${words})`] },
  unshown: [{ part: 'all of it', because }],
});

/** The same, and who looks for rules that could not be read finds it. */
const unreadRule = (words: string, because: string): Rule => ({
  ...hiddenRule(words, because),
  matches: [{ kind: 'opaque', name: '', words: [`(${words})`] }],
  target: { kind: 'opaque', name: '', words: [] },
  // Of what is not known the last is told.
  unshown: [{ part: 'all of it', because, after: 1 }],
});

/** What iptables-nft-save says of tables with chains or rules that it does not show. Source: iptables/xtables-save.c (1.8.9). */
const INCOMPATIBLE = /^# Table [`'](\w+)' (is incompatible|contains incompatible base-chains)/gm;
/** What the nft back end's tools say where the kernel lists tables of the other one. */
const LEGACY = /^# Warning: (ip6?tables)-legacy tables present/gm;

/** Whether a text has a remark that only the nft back end's tools make. */
export const isSaidByNft = (text: string): boolean =>
  [INCOMPATIBLE, LEGACY].some(({ source }) => new RegExp(source, 'm').test(text));

/**
 * Puts rules that may do anything in place of what a saved text itself says that it leaves out: chains or tables that were
 * made with nft, and the rules of the legacy back end.
 */
export function withHidden(text: string, held: readonly HeldRules[]): readonly HeldRules[] {
  const now = withIncompatible(text, held);
  const warned = [...text.matchAll(LEGACY)].map(([, tool]) => familyOfTool(tool!));
  return [...now, ...[...new Set(warned)].filter((family) => !holdsLegacy(now, family)).map(legacyOf)];
}

function withIncompatible(text: string, held: readonly HeldRules[]): readonly HeldRules[] {
  const missing = [...text.matchAll(INCOMPATIBLE)];
  if (missing.length === 0) return held;
  // The tools say it before the head of what they print; a line of Sidestep's own stands before both.
  const said = toldIn(text, familySaid);
  const heads = toldIn(text, familyOfHead);
  let now = held;
  for (const { 1: table = '', 2: how = '', index: at } of missing) {
    if (!isTableName(table)) continue;
    const told = said.findLast(({ index }) => index < at) ?? heads.find(({ index }) => index > at);
    const because = `iptables-save says that table ${table} ${how} and does not show it: nft list ruleset does`;
    const rule = unreadRule(`what iptables-save does not show of ${table}`, because);
    now = hideIn(now, told?.family ?? held[0]?.rules.family ?? 'ipv4', table, rule);
  }
  return now;
}

/** The families that comments tell, and where. */
const toldIn = (text: string, familyIn: (comment: string) => Family | undefined) =>
  [...text.matchAll(/^#.*/gm)].flatMap(({ 0: comment, index }) => {
    const family = familyIn(comment);
    return family ? [{ index, family }] : [];
  });

const holdsLegacy = (held: readonly HeldRules[], family: Family): boolean =>
  held.some(({ backend, rules }) => backend === 'legacy' && rules.family === family);

/** The rule stands before all others of each built-in chain of a table: the chains that are not shown may run first. */
function hideIn(held: readonly HeldRules[], family: Family, name: TableName, rule: Rule): readonly HeldRules[] {
  const own = held.find(({ backend, rules }) => backend === 'nft' && rules.family === family);
  const tables = own?.rules.tables ?? [];
  const table = tables.find((one) => one.name === name);
  const hidden: Table = { name, chains: table ? table.chains.map((chain) => before(chain, rule)) : built(name, rule) };
  const others = held.filter((one) => one !== own);
  return [{ backend: 'nft', rules: { family, tables: [...tables.filter((one) => one !== table), hidden] } }, ...others];
}

const before = (chain: Chain, rule: Rule): Chain =>
  chain.policy === undefined ? chain : { ...chain, rules: [rule, ...chain.rules] };

const built = (name: TableName, rule: Rule): Chain[] =>
  BUILT_IN[name].map((hook) => ({ name: hook, policy: 'ACCEPT', rules: [rule] }));

/** The legacy back end's rules: the table that has a chain at every hook stands for all. */
function legacyOf(family: Family): HeldRules {
  const save = family === 'ipv4' ? 'iptables-legacy-save' : 'ip6tables-legacy-save';
  const because = `the text says that the legacy back end holds tables too, and does not show them: ${save} does`;
  const rule = unreadRule(`what ${save} shows`, because);
  return { backend: 'legacy', rules: { family, tables: [{ name: 'mangle', chains: built('mangle', rule) }] } };
}
