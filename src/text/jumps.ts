import { BUILT_IN, type HookName, type Rule, type TableName } from '../netfilter/index.ts';

/** A use of an extension in a user chain that only some hooks may lead to. */
export interface DeferredHooks {
  readonly chain: string;
  readonly extension: string;
  readonly hooks: readonly HookName[];
  readonly at: number;
  readonly length: number;
  readonly line: number;
}

interface Problem {
  readonly at: number;
  readonly length: number;
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

type Chains = ReadonlyMap<string, { readonly rules: readonly Rule[] }>;

/**
 * What the kernel refuses of a whole table: an extension in a chain that a hook leads to in which it may not stand.
 * Loops are found by `loopIn`.
 */
export function* checkJumps(table: TableName, chains: Chains, deferred: readonly DeferredHooks[]): Generator<Problem> {
  for (const hook of BUILT_IN[table]) {
    let reached: ReadonlySet<string> | undefined;
    // By number: large rule sets have thousands of them, and nearly none is a problem.
    for (let index = 0; index < deferred.length; index += 1) {
      const use = deferred[index]!;
      if (use.hooks.includes(hook)) continue;
      reached ??= reachedFrom(hook, chains);
      if (reached.has(use.chain)) yield problemOf(table, hook, use);
    }
  }
}

function problemOf(table: TableName, hook: HookName, use: DeferredHooks): Problem {
  const { chain, extension, hooks, at, length, line } = use;
  const allowed = hooks.filter((name) => BUILT_IN[table].includes(name)).join(', ');
  const message = `${extension} cannot stand in ${chain}, to which ${hook} leads`;
  const hint = `The kernel takes it only where ${allowed} ${hooks.length > 1 ? 'lead' : 'leads'}.`;
  return { at, length, line, message, hint };
}

/** The chains that rules of a built-in chain lead to, directly or not. */
function reachedFrom(hook: HookName, chains: Chains): ReadonlySet<string> {
  const reached = new Set<string>([hook]);
  // A set is walked in the order of insertion, including what is added on the way.
  for (const name of reached) {
    for (const rule of chains.get(name)?.rules ?? []) {
      const chain = leadsTo(rule);
      if (chain !== undefined) reached.add(chain);
    }
  }
  return reached;
}

/** The chain that a rule leads to. */
const leadsTo = ({ target }: Rule): string | undefined =>
  target?.kind === 'jump' || target?.kind === 'goto' ? target.chain : undefined;

/** A chain, and how far the search for circles has come with it. `leads`: false where no rule of it leads to a chain. */
interface Searched {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly leads: boolean | undefined;
  searched: 'begun' | 'done' | undefined;
}

/** A rule that closes a circle of jumps which a built-in chain leads into, or undefined. The kernel refuses the table. */
export function loopIn(
  table: TableName,
  chains: ReadonlyMap<string, Searched>,
): { readonly chain: string; readonly rule: Rule } | undefined {
  for (const hook of BUILT_IN[table]) {
    // An explicit stack: a hostile input may nest chains a hundred thousand deep.
    const stack: Searched[] = [];
    const followed: number[] = [];
    let entered = chains.get(hook);
    for (;;) {
      if (entered) {
        entered.searched = 'begun';
        stack.push(entered);
        followed.push(0);
      }
      const chain = stack.at(-1);
      if (!chain) break;
      const next = followed[stack.length - 1] ?? 0;
      const rule = chain.leads === false ? undefined : chain.rules[next];
      followed[stack.length - 1] = next + 1;
      const led = rule && leadsTo(rule);
      entered = led === undefined ? undefined : chains.get(led);
      if (entered?.searched === 'begun') return { chain: chain.name, rule: rule! };
      if (entered?.searched === 'done') entered = undefined;
      if (rule) continue;
      stack.pop();
      followed.pop();
      chain.searched = 'done';
    }
  }
  return undefined;
}
