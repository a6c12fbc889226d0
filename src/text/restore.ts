import type { Family } from '../address/index.ts';
import {
  type Chain,
  isBuiltIn,
  type Rule,
  type RuleSet,
  type Table,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { shared } from './diff.ts';
import { printSpec } from './print-rule.ts';
import { inSaveOrder } from './print-save.ts';

/** The commands that change one table. */
interface TableChange {
  readonly table: TableName;
  readonly lines: readonly string[];
  readonly gains: boolean;
  readonly loses: boolean;
  /** Jumps out of built-in chains that are new here, and those that go: `PREROUTING ISTIO_INBOUND`. */
  readonly jumps: { readonly gained: readonly string[]; readonly lost: readonly string[] };
}

/**
 * Input for `iptables-restore --noflush` that turns `before` into `after`; empty when they are equal.
 *
 * Rules that stay are not touched, so they keep their counters, and so do rules that somebody else adds in the
 * meantime. A user chain of which nothing stays is declared anew, which empties it. Policies are changed by `-P`, because
 * a `:BUILTIN POLICY` line makes iptables-nft-restore several times slower. Both back ends commit one table after the other, and
 * at no moment may traffic pass by the proxy: a table that takes over a jump comes before the one that gives it up (a change from
 * TPROXY to REDIRECT moves `PREROUTING -j ISTIO_INBOUND` from mangle to nat), and else the tables that gain rules come first.
 */
export function restoreScript(before: RuleSet, after: RuleSet): string {
  const changes: TableChange[] = [];
  for (const name of new Set([...after.tables, ...before.tables].map((table) => table.name))) {
    const change = tableChange(name, tableOf(before, name), tableOf(after, name), after.family);
    if (change.lines.length > 0) changes.push(change);
  }
  return inOrder(changes)
    .map(({ table, lines }) => `*${table}\n${lines.join('\n')}\nCOMMIT\n`)
    .join('');
}

/** Tables that gain rules first; before each one, those that take over its jumps. */
function inOrder(changes: readonly TableChange[]): readonly TableChange[] {
  const rank = ({ gains, loses }: TableChange): number => (gains ? (loses ? 1 : 0) : 2);
  const ordered = new Set<TableChange>();
  const met = new Set<TableChange>();
  const place = (change: TableChange): void => {
    if (met.has(change)) return;
    met.add(change);
    for (const other of changes) if (takesOver(other, change)) place(other);
    ordered.add(change);
  };
  [...changes].sort((a, b) => rank(a) - rank(b)).forEach(place);
  return [...ordered];
}

/** Whether a jump moves to `one` from `other`. */
const takesOver = (one: TableChange, other: TableChange): boolean =>
  one.jumps.gained.some((jump) => other.jumps.lost.includes(jump));

/** The jumps and gotos out of a table's built-in chains. */
const jumpsOf = (table: Table | undefined): readonly string[] =>
  (table?.chains ?? [])
    .filter(({ name }) => table && isBuiltIn(table.name, name))
    .flatMap(({ name, rules }) =>
      rules.flatMap(({ target }) =>
        target?.kind === 'jump' || target?.kind === 'goto' ? [`${name} ${target.chain}`] : [],
      ),
    );

function tableChange(
  name: TableName,
  before: Table | undefined,
  after: Table | undefined,
  family: Family,
): TableChange {
  const old = chainsOf(before);
  const wanted = chainsOf(after);
  const declared: string[] = [];
  const policies: string[] = [];
  const removed: string[] = [];
  const added: string[] = [];
  const emptied: string[] = [];
  for (const chain of wanted) {
    const was = old.find((other) => other.name === chain.name);
    const now = specsOf(chain.rules, family);
    const then = specsOf(was?.rules ?? [], family);
    const change = chainChange(chain.name, then, now);
    const builtIn = isBuiltIn(name, chain.name);
    if (builtIn && (chain.policy ?? 'ACCEPT') !== (was?.policy ?? 'ACCEPT'))
      policies.push(`-P ${chain.name} ${chain.policy ?? 'ACCEPT'}`);
    if (!builtIn && (!was || (change.kept === 0 && then.words.length > 0))) {
      declared.push(`:${chain.name} - [0:0]`);
      added.push(...now.words.map((spec) => `-A ${chain.name}${spec}`));
    } else {
      removed.push(...change.removed);
      added.push(...change.added);
    }
  }
  for (const { name: gone, rules, policy } of old) {
    if (wanted.some((chain) => chain.name === gone)) continue;
    if (isBuiltIn(name, gone)) {
      removed.push(...rules.map((rule) => `-D ${gone}${printSpec(rule, family, 'legacy')}`));
      if (policy && policy !== 'ACCEPT') policies.push(`-P ${gone} ACCEPT`);
    } else emptied.push(gone);
  }
  const [jumped, jumps] = [jumpsOf(before), jumpsOf(after)];
  const flushed = emptied.map((chain) => `-F ${chain}`);
  const dropped = emptied.map((chain) => `-X ${chain}`);
  return {
    table: name,
    // A chain can go only when no rule leads to it any more.
    lines: [...declared, ...policies, ...removed, ...added, ...flushed, ...dropped],
    gains: added.length > 0 || declared.length > 0,
    loses: removed.length > 0 || emptied.length > 0,
    jumps: {
      gained: jumps.filter((jump) => !jumped.includes(jump)),
      lost: jumped.filter((jump) => !jumps.includes(jump)),
    },
  };
}

const chainsOf = (table: Table | undefined): readonly Chain[] => (table ? inSaveOrder(table) : []);

/** Rules in their own words, which is how the kernel finds them again, and in words that are equal where they mean the same. */
interface Specs {
  readonly words: readonly string[];
  readonly equal: readonly string[];
  /** Words that are equal where `-D` may take one rule for the other. */
  readonly alike: readonly string[];
}

function specsOf(rules: readonly Rule[], family: Family): Specs {
  const equal = rules.map((rule) => printSpec(rule, family, 'nft'));
  return {
    words: rules.map((rule) => printSpec(rule, family, 'legacy')),
    equal,
    // ip6tables-nft 1.8.9 compares addresses without their masks: -D -s ::/57 removes -s ::/43 if that comes first.
    alike: family === 'ipv4' ? equal : equal.map((spec) => spec.replace(/( -[sd] [0-9a-f:.]+)\/\S+/g, '$1')),
  };
}

/**
 * The commands that turn one chain's rules into others. `-D` with a rule's words removes the first rule like it, so of rules
 * that are alike the first ones go: where a later one has to go and an earlier one was to stay, the earlier one goes too and is
 * put back. Positions are those after all removals and the insertions so far.
 */
function chainChange(
  chain: string,
  before: Specs,
  after: Specs,
): { readonly removed: readonly string[]; readonly added: readonly string[]; readonly kept: number } {
  const pairs = shared(before.equal, after.equal);
  const staying = new Set(pairs.map(([index]) => index));
  const leaving = new Set<string>();
  const kept = new Set<number>();
  for (let index = before.equal.length - 1; index >= 0; index -= 1) {
    const spec = before.alike[index]!;
    if (!staying.has(index)) leaving.add(spec);
    else if (!leaving.has(spec)) kept.add(index);
  }
  const removed: string[] = [];
  before.words.forEach((spec, index) => {
    if (!kept.has(index)) removed.push(`-D ${chain}${spec}`);
  });
  const keptAfter = new Set(pairs.filter(([index]) => kept.has(index)).map(([, index]) => index));
  const added: string[] = [];
  let length = kept.size;
  after.words.forEach((spec, index) => {
    if (keptAfter.has(index)) return;
    added.push(index === length ? `-A ${chain}${spec}` : `-I ${chain} ${index + 1}${spec}`);
    length += 1;
  });
  return { removed, added, kept: kept.size };
}
