import type { Family } from '../address/index.ts';
import {
  BUILT_IN,
  type Chain,
  type HookName,
  isBuiltIn,
  type Rule,
  type RuleSet,
  TABLES,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { printRule, sameRule } from '../text/index.ts';
import { untilWords } from './bypass-undo.ts';
import { isBypass } from './comments.ts';
import { type Step, stepsBetween } from './sequence.ts';

/** One difference between the rules that should be there and those that are. */
export interface Drift {
  /** `changed`: another rule stands in its place. `order`: the rule is there, but elsewhere in its chain. */
  readonly kind: 'extra' | 'missing' | 'changed' | 'order' | 'policy' | 'extra chain' | 'missing chain';
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  /** One-based, in the actual chain; of a missing rule, where it should stand in the expected one. */
  readonly number?: number;
  /** The actual rule; the expected one where it is missing. */
  readonly rule?: Rule;
  /** `changed`: the rule that should be there. */
  readonly expected?: Rule;
  /** `order`: two rules that have changed places with each other, by their numbers; else where the rule should stand. */
  readonly swapped?: readonly [number, number];
  readonly shouldBe?: number;
  /** One clause: "rules 4 and 7 are swapped". */
  readonly message: string;
}

/**
 * What differs between the rules that should be there and those that are: as few differences as explain it, table by
 * table in the kernel's order, in each chain from its top. Counters do not count.
 *
 * @param foreign rules of others: never one that should be there in another form
 */
export function compareRules(
  expected: RuleSet,
  actual: RuleSet,
  foreign: ReadonlySet<Rule> = NOBODYS,
): readonly Drift[] {
  return TABLES.flatMap((table) => {
    const where = { family: actual.family, table, foreign };
    const [wanted, found] = [chainsOf(expected, table), chainsOf(actual, table)];
    const names = new Set([...wanted.keys(), ...found.keys()]);
    return [...names].flatMap((name) => chainDrift({ ...where, chain: name }, wanted.get(name), found.get(name)));
  });
}

const NOBODYS: ReadonlySet<Rule> = new Set();

/** A chain that is compared. */
interface Compared extends Pick<Drift, 'family' | 'table' | 'chain'> {
  readonly foreign: ReadonlySet<Rule>;
}

type Where = Pick<Drift, 'family' | 'table' | 'chain'>;

/** The chains of a table by name. Built-in chains are always there, empty and accepting if nothing is said of them. */
function chainsOf(rules: RuleSet, table: TableName): ReadonlyMap<string, Chain> {
  const builtIn: readonly HookName[] = BUILT_IN[table];
  const chains = new Map<string, Chain>(builtIn.map((name) => [name, { name, policy: 'ACCEPT', rules: [] }]));
  for (const chain of tableOf(rules, table)?.chains ?? []) chains.set(chain.name, chain);
  return chains;
}

function chainDrift(
  { foreign, ...where }: Compared,
  wanted: Chain | undefined,
  found: Chain | undefined,
): readonly Drift[] {
  if (!wanted || !found) {
    const count = (wanted ?? found)?.rules.length ?? 0;
    const rules = `${count} ${count === 1 ? 'rule' : 'rules'}`;
    return wanted
      ? [{ kind: 'missing chain', ...where, message: `the chain with its ${rules} is not there` }]
      : [{ kind: 'extra chain', ...where, message: `a chain with ${rules} that nobody asked for` }];
  }
  const [asked, is] = [wanted.policy ?? 'ACCEPT', found.policy ?? 'ACCEPT'];
  const policy: Drift[] =
    isBuiltIn(where.table, where.chain) && asked !== is
      ? [{ kind: 'policy', ...where, message: `the policy is ${is}, not ${asked}` }]
      : [];
  return wanted.rules === found.rules ? policy : [...policy, ...ruleDrifts(where, wanted.rules, found.rules, foreign)];
}

function ruleDrifts(
  where: Where,
  wanted: readonly Rule[],
  found: readonly Rule[],
  foreign: ReadonlySet<Rule>,
): readonly Drift[] {
  const [before, after] = keysOf(wanted, found, where.family);
  const steps = stepsBetween(before, after);
  const moved = movedIn(steps, before, after);
  const alike = (gone: number, come: number): boolean => {
    const [old, now] = [wanted[gone], found[come]];
    return old !== undefined && now !== undefined && !foreign.has(now) && isFormOf(now, old, where.family);
  };
  const drifts = pairsOf(steps, moved, alike).map(([gone, come]): Drift => {
    const [old, now] = [gone === undefined ? undefined : wanted[gone], come === undefined ? undefined : found[come]];
    if (old && now && come !== undefined)
      return {
        kind: 'changed',
        ...where,
        number: come + 1,
        rule: now,
        expected: old,
        message: 'another rule stands here',
      };
    if (now && come !== undefined)
      return {
        kind: 'extra',
        ...where,
        number: come + 1,
        rule: now,
        message: isBypass(now) ? `a bypass of Sidestep's${untilWords(now)}` : 'nobody asked for this rule',
      };
    return {
      kind: 'missing',
      ...where,
      number: (gone ?? 0) + 1,
      ...(old ? { rule: old } : {}),
      message: 'this rule is not there',
    };
  });
  return [...drifts, ...orderDrifts(where, moved, before, after, found)].sort(
    (a, b) => (a.number ?? 0) - (b.number ?? 0),
  );
}

/** Each rule by a word that equal rules share: its text, or the text of an earlier rule that the kernel holds alike. */
function keysOf(wanted: readonly Rule[], found: readonly Rule[], family: Family): [string[], string[]] {
  const before = wanted.map((rule) => printRule(rule, family));
  const known = new Map(before.map((text, index) => [text, wanted[index] as Rule]));
  const after = found.map((rule) => {
    const text = printRule(rule, family);
    if (known.has(text)) return text;
    for (const [other, same] of known) if (sameRule(rule, same, family)) return other;
    return text;
  });
  return [before, after];
}

interface Moved {
  readonly before: number;
  readonly after: number;
}

/** Rules that are gone at one place and new at another. */
function movedIn(steps: readonly Step[], before: readonly string[], after: readonly string[]): readonly Moved[] {
  const come = steps.flatMap((step) => (step.kind === 'new' ? [step.after] : []));
  return steps.flatMap((step) => {
    if (step.kind !== 'gone') return [];
    const at = come.findIndex((index) => after[index] === before[step.before]);
    return at < 0 ? [] : come.splice(at, 1).map((index) => ({ before: step.before, after: index }));
  });
}

/** Whether a rule may be another in a changed form: it asks for the same, or it does the same. Comments ask for nothing. */
function isFormOf(now: Rule, old: Rule, family: Family): boolean {
  const asks = ({ header, matches }: Rule): string =>
    printRule({ header, matches: matches.filter(({ name }) => name !== 'comment') }, family);
  const does = ({ target }: Rule): string =>
    printRule({ header: {}, matches: [], ...(target ? { target } : {}) }, family);
  return asks(now) === asks(old) || does(now) === does(old);
}

type Pairs = (readonly [gone: number | undefined, come: number | undefined])[];

/** What is only gone and what is only new; those together that are alike and stand between the same neighbours. */
function pairsOf(
  steps: readonly Step[],
  moved: readonly Moved[],
  alike: (gone: number, come: number) => boolean,
): Pairs {
  const pairs: Pairs = [];
  let gone: number[] = [];
  let come: number[] = [];
  const close = (): void => {
    for (const old of gone) {
      const at = come.findIndex((now) => alike(old, now));
      const before = at < 0 ? [] : come.splice(0, at + 1);
      const partner = before.pop();
      pairs.push(...before.map((now) => [undefined, now] as const), [old, partner]);
    }
    pairs.push(...come.map((now) => [undefined, now] as const));
    [gone, come] = [[], []];
  };
  for (const step of steps) {
    if (step.kind === 'same') close();
    else if (step.kind === 'gone' && !moved.some(({ before }) => before === step.before)) gone.push(step.before);
    else if (step.kind === 'new' && !moved.some(({ after }) => after === step.after)) come.push(step.after);
  }
  close();
  return pairs;
}

/** Rules that are there, but in another order. Two that have taken each other's place are one difference. */
function orderDrifts(
  where: Where,
  moved: readonly Moved[],
  before: readonly string[],
  after: readonly string[],
  found: readonly Rule[],
): readonly Drift[] {
  if (moved.length === 0) return [];
  const swapped = swapIn(before, after);
  const base = { kind: 'order', ...where } as const;
  if (swapped) {
    const [low, high] = swapped;
    const rule = found[low - 1] as Rule;
    return [{ ...base, number: low, rule, swapped, message: `rules ${low} and ${high} are swapped` }];
  }
  return moved.map(({ before: from, after: to }) => ({
    ...base,
    number: to + 1,
    rule: found[to] as Rule,
    shouldBe: from + 1,
    message: `rule ${to + 1} should be rule ${from + 1}`,
  }));
}

/** The numbers, in the actual chain, of the two rules whose exchange alone would give the expected order. */
function swapIn(before: readonly string[], after: readonly string[]): readonly [number, number] | undefined {
  // Rules that only one side has do not count for the order.
  const common = (list: readonly string[], other: readonly string[]): { key: string; number: number }[] => {
    const left = [...other];
    return list.flatMap((key, index) => {
      const at = left.indexOf(key);
      if (at < 0) return [];
      left.splice(at, 1);
      return [{ key, number: index + 1 }];
    });
  };
  const [wanted, found] = [common(before, after), common(after, before)];
  const different = found.flatMap(({ key }, index) => (key === wanted[index]?.key ? [] : [index]));
  const [first = -1, second = -1] = different;
  if (different.length !== 2 || found[first]?.key !== wanted[second]?.key) return undefined;
  return [found[first]?.number ?? 0, found[second]?.number ?? 0];
}
