import { FAMILIES, type Family } from '../address/index.ts';
import { isOwnChain, nativeSets } from '../interception/index.ts';
import {
  type Backend,
  type Chain,
  chainOf,
  emptyRuleSet,
  isBuiltIn,
  type RuleSet,
  type Snapshot,
  TABLES,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import { ruleWords } from './rule.ts';
import { type Block, bad, faint, good, type Line, line, name, table, warn } from './screen.ts';
import { count, familyWord, listed } from './words.ts';

/** A rule that came or went. */
export interface RuleChange {
  readonly sign: '+' | '-';
  readonly family: Family;
  readonly backend: Backend;
  readonly table: TableName;
  readonly chain: string;
  /** One-based: where it stands afterwards, or stood before. */
  readonly number: number;
  /** As iptables-save prints it, without -A CHAIN. */
  readonly rule: string;
  /** The same, shorter. */
  readonly shown: string;
  /** Why a rule went that nobody of the mesh wrote. */
  readonly because?: string;
}

/** The difference between what two snapshots of one namespace hold, rule by rule, in the kernel's order of tables. */
export function ruleChanges(before: Snapshot, after: Snapshot): RuleChange[] {
  // Istio's native tables are told as the rules of iptables that they mean.
  const native = [before, after].map((snapshot) => ({ ...snapshot, held: nativeSets(snapshot) })) as [
    Snapshot,
    Snapshot,
  ];
  return [...changesIn(before, after), ...changesIn(...native)];
}

function changesIn(before: Snapshot, after: Snapshot): RuleChange[] {
  const backends: readonly Backend[] = ['nft', 'legacy'];
  return FAMILIES.flatMap((family) =>
    backends.flatMap((backend) =>
      TABLES.flatMap((tableName) => {
        const sets = [rulesIn(before, family, backend), rulesIn(after, family, backend)] as const;
        return chainNames(sets, tableName).flatMap((chain) =>
          chainChanges(sets, tableName, chain).map(({ target, ...change }) => ({
            ...change,
            family,
            backend,
            table: tableName,
            chain,
            ...(change.sign === '-' ? reasonOf(target, sets[1], tableName, chain) : {}),
          })),
        );
      }),
    ),
  );
}

/** In somebody's own chain a rule goes when the mesh's chain that it sends packets to is gone. */
function reasonOf(
  target: string | undefined,
  after: RuleSet,
  tableName: TableName,
  chain: string,
): { readonly because?: string } {
  const isTheirs = !isOwnChain(chain) && !isBuiltIn(tableName, chain);
  if (!isTheirs || target === undefined || !isOwnChain(target)) return {};
  if (chainOf(after, tableName, target) !== undefined) return {};
  return { because: `${chain} is not the mesh's, but ${target} is, and is gone` };
}

const rulesIn = ({ held }: Snapshot, family: Family, backend: Backend): RuleSet =>
  held.find((one) => one.backend === backend && one.rules.family === family)?.rules ?? emptyRuleSet(family);

const chainNames = (sets: readonly RuleSet[], tableName: TableName): string[] => [
  ...new Set(sets.flatMap((rules) => tableOf(rules, tableName)?.chains.map((chain) => chain.name) ?? [])),
];

type InChain = Pick<RuleChange, 'sign' | 'number'> & Words;

function chainChanges(sets: readonly [RuleSet, RuleSet], tableName: TableName, chain: string): InChain[] {
  const [old, fresh] = sets.map((rules) => wordsOf(chainOf(rules, tableName, chain), rules.family)) as [
    Words[],
    Words[],
  ];
  const kept = commonPart(
    old.map(({ rule }) => rule),
    fresh.map(({ rule }) => rule),
  );
  const gone = old.flatMap((words, index) =>
    kept.old.has(index) ? [] : [{ sign: '-' as const, number: index + 1, ...words }],
  );
  const come = fresh.flatMap((words, index) =>
    kept.fresh.has(index) ? [] : [{ sign: '+' as const, number: index + 1, ...words }],
  );
  return [...gone, ...come];
}

interface Words {
  readonly rule: string;
  readonly shown: string;
  /** The chain that it jumps or goes to. */
  readonly target?: string;
}

const wordsOf = (chain: Chain | undefined, family: Family): Words[] =>
  (chain?.rules ?? []).map((rule) => ({
    rule: printRule(rule, family),
    shown: ruleWords(rule, family),
    ...(rule.target?.kind === 'jump' || rule.target?.kind === 'goto' ? { target: rule.target.chain } : {}),
  }));

/** The longest common subsequence of two lists, as the places of its members in each. */
function commonPart(old: readonly string[], fresh: readonly string[]): { old: Set<number>; fresh: Set<number> } {
  let from = 0;
  while (from < old.length && from < fresh.length && old[from] === fresh[from]) from += 1;
  let tail = 0;
  while (tail < old.length - from && tail < fresh.length - from && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1;
  const kept = { old: new Set<number>(), fresh: new Set<number>() };
  const keep = (i: number, j: number): void => {
    kept.old.add(i);
    kept.fresh.add(j);
  };
  for (let at = 0; at < from; at += 1) keep(at, at);
  for (let at = 1; at <= tail; at += 1) keep(old.length - at, fresh.length - at);
  const [rows, columns] = [old.length - from - tail, fresh.length - from - tail];
  // longest[i][j]: of what is left from old[from + i] and fresh[from + j] on.
  const longest = Array.from({ length: rows + 1 }, () => new Uint32Array(columns + 1));
  for (let i = rows - 1; i >= 0; i -= 1) {
    for (let j = columns - 1; j >= 0; j -= 1) {
      longest[i]![j] =
        old[from + i] === fresh[from + j]
          ? longest[i + 1]![j + 1]! + 1
          : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!);
    }
  }
  for (let i = 0, j = 0; i < rows && j < columns; ) {
    if (old[from + i] === fresh[from + j]) keep(from + i++, from + j++);
    else if (longest[i + 1]![j]! >= longest[i]![j + 1]!) i += 1;
    else j += 1;
  }
  return kept;
}

/** Rules that changed, for people: those of built-in chains one by one, own chains as wholes when there are many. */
export function changesTable(changes: readonly RuleChange[], extra: readonly Line[] = []): Block[] {
  const whole = changes.length > WHOLE;
  const groups = new Map<string, RuleChange[]>();
  for (const change of changes) {
    const key = `${change.family} ${change.backend} ${change.table} ${change.sign}`;
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  const rows = [...groups.values()].flatMap((group) => groupRows(group, whole));
  const marked = [...rows, ...extra.map((words) => [line(name('routing')), words])];
  return marked.length > 0 ? [table(marked, { hang: 1 })] : [];
}

/** From how many changed rules on the chains are named instead of the rules. */
const WHOLE = 12;

function groupRows(group: readonly RuleChange[], whole: boolean): Line[][] {
  const [first] = group;
  if (!first) return [];
  const where = `${first.table}${first.family === 'ipv6' ? ' IPv6' : ''}`;
  if (!whole) return singleRows(group);
  // What somebody else wrote is never counted with the mesh's own.
  const [theirs, ours] = [group.filter(({ because }) => because), group.filter(({ because }) => !because)];
  return [...(ours.length > 0 ? [[line(name(where)), wholeWords(ours)]] : []), ...theirsRows(theirs)];
}

const singleRows = (group: readonly RuleChange[]): Line[][] =>
  group.map((change, index) => {
    const same = group[index - 1]?.chain === change.chain;
    return [
      line(name(same ? '' : `${change.table} ${change.chain}`)),
      line(sign(change.sign), ` ${change.number}`),
      line(change.shown, warn(change.because ? `  ${change.because}` : '')),
      line(faint(change.family === 'ipv6' ? 'IPv6' : '')),
    ];
  });

const theirsRows = (theirs: readonly RuleChange[]): Line[][] =>
  theirs.map(({ table: where, chain, family, sign: which, number, shown, because = '' }) => [
    line(name(`${where} ${chain}${family === 'ipv6' ? ' IPv6' : ''}`)),
    line(sign(which), ` ${number} ${shown}  `, warn(because)),
  ]);

const sign = (text: '+' | '-') => (text === '+' ? good('+') : bad('-'));

function wholeWords(group: readonly RuleChange[]): Line {
  const [first] = group;
  const chains = [...new Set(group.map(({ chain }) => chain))];
  const verb = first?.sign === '+' ? 'added' : 'removed';
  return line(sign(first?.sign ?? '+'), ` ${count(group.length, 'rule')} ${verb} in `, faint(listed(chains)));
}

/** `IPv4: 14 rules added in nat; IPv6: 3 rules removed in filter`: a change in one line. */
export function changeSummary(changes: readonly RuleChange[]): string {
  const parts = FAMILIES.flatMap((family) =>
    (['+', '-'] as const).flatMap((which) => {
      const group = changes.filter((change) => change.family === family && change.sign === which);
      if (group.length === 0) return [];
      const tables = [...new Set(group.map((change) => change.table))];
      return [
        `${familyWord(family)}: ${count(group.length, 'rule')} ${which === '+' ? 'added' : 'removed'} in ${listed(tables)}`,
      ];
    }),
  );
  return parts.join('; ');
}
