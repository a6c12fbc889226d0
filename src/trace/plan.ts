import { type HookName, STAGES, type Stage, TABLES, type TableName } from '../netfilter/index.ts';
import type { CompiledChain, CompiledTable } from './program.ts';

/** A chain that is asked at a hook, and the table that it stands in. */
export interface Asked {
  readonly table: string;
  readonly backend: CompiledChain['backend'];
  /** Absent: the table has no chain at this hook. */
  readonly base?: CompiledChain;
}

/** Whether there is anything to ask: rules, or a policy that does not let the packet pass. */
export const isHeld = ({ base }: Asked): boolean => base !== undefined && !isIdle(base);

export const isIdle = ({ rules, policy }: CompiledChain): boolean =>
  rules.length === 0 && policy !== 'DROP' && policy !== 'QUEUE';

/** What runs at a hook, one after the other. */
export type Planned =
  | { readonly kind: 'conntrack' }
  | PlannedTable
  | { readonly kind: 'native'; readonly asked: Asked; readonly base: CompiledChain };

/** A table of iptables, and what stands at the same place. */
export interface PlannedTable {
  readonly kind: 'table';
  readonly name: TableName;
  /** Those of the back ends that hold it. */
  readonly held: readonly Asked[];
  /** Native chains of the same priority: which of them runs first is not known. */
  readonly beside: readonly Asked[];
  /** nat only: native nat chains of a lower and of a higher priority, all asked at nat's own place. */
  readonly before: readonly Asked[];
  readonly after: readonly Asked[];
  /** There is nothing to ask: it is named, where the walk is written down, and nat rewrites known connections. */
  readonly idle: boolean;
}

/** What runs at each hook, in order. */
export type Plan = Readonly<Record<HookName, PlannedHook>>;

interface PlannedHook {
  readonly first: readonly Planned[];
  /** Of the first what has something to ask, or finds out about the connection: enough for a new packet of which nothing is written down. */
  readonly busy: readonly Planned[];
}

/**
 * Puts native base chains among the tables of iptables, by priority. At equal priority the one that was made last runs
 * first. A chain of type nat runs where nat does, whatever its priority: that only orders it among the others that map.
 * Found by experiment; net/netfilter/nf_nat_core.c, nf_nat_register_fn; net/netfilter/core.c, nf_hook_entries_grow.
 */
export function planOf(
  tables: Readonly<Record<TableName, readonly CompiledTable[]>>,
  natives: readonly CompiledChain[],
): Plan {
  const plan = {} as { -readonly [H in HookName]: Plan[H] };
  for (const hook of Object.keys(STAGES) as HookName[]) {
    const held = {} as Record<TableName, readonly Asked[]>;
    for (const name of TABLES) held[name] = tables[name].map((table) => askedOf(name, table, hook));
    const first = planHook(STAGES[hook], held, chainsAt(natives, hook));
    plan[hook] = {
      first,
      busy: first.filter((part) => part.kind !== 'table' || !part.idle),
    };
  }
  return plan;
}

function askedOf(name: TableName, { backend, chains }: CompiledTable, hook: HookName): Asked {
  const base = chains.get(hook);
  return { table: name, backend, ...(base ? { base } : {}) };
}

const nativeAsked = (base: CompiledChain): Asked => ({ table: base.table, backend: 'native', base });
const native = (base: CompiledChain): Planned => ({ kind: 'native', asked: nativeAsked(base), base });

const priorityOf = ({ base }: CompiledChain): number => base?.priority ?? 0;

/** In the order in which they run. */
const chainsAt = (natives: readonly CompiledChain[], hook: HookName): readonly CompiledChain[] =>
  natives
    .filter(({ base }) => base?.hook === hook.toLowerCase())
    .reverse()
    .sort((a, b) => priorityOf(a) - priorityOf(b));

const heldHere = (held: readonly Asked[], backend: Stage['backend']): readonly Asked[] =>
  backend === undefined ? held : held.filter((asked) => asked.backend === backend);

function planHook(
  stages: readonly Stage[],
  held: Readonly<Record<TableName, readonly Asked[]>>,
  natives: readonly CompiledChain[],
): readonly Planned[] {
  const mapping = natives.filter(({ base }) => base?.type === 'nat');
  const others = natives.filter(({ base }) => base?.type !== 'nat');
  const plan: Planned[] = [];
  let from = Number.NEGATIVE_INFINITY;
  const between = (low: number, high: number): void => {
    for (const base of others) if (priorityOf(base) > low && priorityOf(base) < high) plan.push(native(base));
  };
  for (const { name, priority, backend } of stages) {
    between(from, priority);
    from = priority;
    const equal = others.filter((base) => priorityOf(base) === priority);
    if (name === 'conntrack') {
      plan.push(...equal.map(native), { kind: 'conntrack' });
      continue;
    }
    const own = heldHere(held[name], backend);
    // A table that nobody holds is named once.
    if (backend === 'legacy' && own.length === 0 && equal.length === 0) continue;
    const nat = name === 'nat' ? mapping : [];
    const beside = (name === 'nat' ? nat.filter((base) => priorityOf(base) === priority) : equal).map(nativeAsked);
    // A chain that only filters and stands exactly where nat does is asked before it.
    if (name === 'nat') plan.push(...equal.map(native));
    plan.push({
      kind: 'table',
      name,
      held: own,
      beside,
      before: nat.filter((base) => priorityOf(base) < priority).map(nativeAsked),
      after: nat.filter((base) => priorityOf(base) > priority).map(nativeAsked),
      idle: ![...own, ...beside, ...(name === 'nat' ? mapping.map(nativeAsked) : [])].some(isHeld),
    });
  }
  between(from, Number.POSITIVE_INFINITY);
  return plan;
}
