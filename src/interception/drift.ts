import type { Family } from '../address/index.ts';
import {
  BUILT_IN,
  type Chain,
  type HookName,
  isBuiltIn,
  type Policy,
  type Rule,
  type RuleSet,
  TABLES,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { untilWords } from './bypass-undo.ts';
import { isBypass } from './comments.ts';
import { isFormOf, keysOf, type Moved, movedIn, pairsOf, swapIn } from './drift-steps.ts';
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
  /** `policy`: what it is. */
  readonly policy?: Policy;
  /** `order`: two rules that have changed places with each other, by their numbers; else where the rule should stand. */
  readonly swapped?: readonly [number, number];
  readonly shouldBe?: number;
  /** One clause: "rules 4 and 7 are swapped". */
  readonly message: string;
  /** Of a difference between rules: the expected chain with no other difference than this one. */
  readonly alone?: readonly Rule[];
  /** The actual chain without this one. */
  readonly mended?: readonly Rule[];
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
      ? [{ kind: 'policy', ...where, policy: is, message: `the policy is ${is}, not ${asked}` }]
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
  /** The rules that stand there when of all steps only those that `is` names have been taken. */
  const taking = (is: (step: Step) => boolean): readonly Rule[] =>
    steps.flatMap((step) => {
      const rule = step.kind === 'gone' ? wanted[step.before] : found[step.after];
      return rule && (step.kind === 'same' || (step.kind === 'new') === is(step)) ? [rule] : [];
    });
  const traced = (gone: readonly number[], come: readonly number[]) => {
    const isThis = (step: Step): boolean =>
      step.kind === 'gone' ? gone.includes(step.before) : step.kind === 'new' && come.includes(step.after);
    return { alone: taking(isThis), mended: taking((step) => !isThis(step)) };
  };
  const drifts = pairsOf(steps, moved, alike).map(([gone, come]): Drift => {
    const chains = traced(gone === undefined ? [] : [gone], come === undefined ? [] : [come]);
    const [old, now] = [gone === undefined ? undefined : wanted[gone], come === undefined ? undefined : found[come]];
    if (old && now && come !== undefined)
      return {
        kind: 'changed',
        ...where,
        ...chains,
        number: come + 1,
        rule: now,
        expected: old,
        message: 'another rule stands here',
      };
    if (now && come !== undefined)
      return {
        kind: 'extra',
        ...where,
        ...chains,
        number: come + 1,
        rule: now,
        message: isBypass(now) ? `a bypass of Sidestep's${untilWords(now)}` : 'nobody asked for this rule',
      };
    return {
      kind: 'missing',
      ...where,
      ...chains,
      number: (gone ?? 0) + 1,
      ...(old ? { rule: old } : {}),
      message: 'this rule is not there',
    };
  });
  return [...drifts, ...orderDrifts(where, moved, before, after, found, traced)].sort(
    (a, b) => (a.number ?? 0) - (b.number ?? 0),
  );
}

/** Rules that are there, but in another order. Two that have taken each other's place are one difference. */
function orderDrifts(
  where: Where,
  moved: readonly Moved[],
  before: readonly string[],
  after: readonly string[],
  found: readonly Rule[],
  traced: (gone: readonly number[], come: readonly number[]) => Pick<Drift, 'alone' | 'mended'>,
): readonly Drift[] {
  if (moved.length === 0) return [];
  const swapped = swapIn(before, after);
  const base = { kind: 'order', ...where } as const;
  if (swapped) {
    const [low, high] = swapped;
    const rule = found[low - 1] as Rule;
    const chains = traced(
      moved.map((one) => one.before),
      moved.map((one) => one.after),
    );
    return [{ ...base, ...chains, number: low, rule, swapped, message: `rules ${low} and ${high} are swapped` }];
  }
  return moved.map(({ before: from, after: to }) => ({
    ...base,
    ...traced([from], [to]),
    number: to + 1,
    rule: found[to] as Rule,
    shouldBe: from + 1,
    message: `rule ${to + 1} should be rule ${from + 1}`,
  }));
}
