import { FAMILIES, type Family } from '../address/index.ts';
import { chainOf, type Route, type RoutingRule, type Snapshot } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import { uncommented } from './commented.ts';
import type { Program, RoutingChange } from './interception.ts';
import { withNativeSets } from './native-sets.ts';

/** What has to be changed outside netfilter. In each list, in this order. */
export interface RoutingChanges {
  readonly add: readonly RoutingChange[];
  /** One entry a copy: a rule that is there twice is named twice. */
  readonly remove: readonly RoutingChange[];
}

/** Where a namespace's routing is known. Rules are needed too: the marks of an earlier interception stand in them. */
export type RoutingState = Pick<Snapshot, 'held' | 'native' | 'routingRules' | 'routes' | 'interfaces'>;

/**
 * What makes the routing of a namespace that of a program; without a program, that of no interception at all.
 *
 * An interception's own are: `fwmark M lookup T` where M is a mark that ISTIO_DIVERT sets, or Istio's usual 1337 with
 * table 133, and T holds nothing but the local default route; that route; and `::6/128` on lo. What is there already
 * stays, what is there twice is removed but for one: a second run changes nothing.
 */
export function routingAfter(current: RoutingState, program: Program | undefined): RoutingChanges {
  const wanted = program?.routing ?? [];
  const held = ownRouting(current, wanted);
  const add = wanted.filter((change) => !held.some((other) => isSameChange(change, other)));
  const spare = [...wanted];
  const remove = held.filter((change) => {
    const at = spare.findIndex((other) => isSameChange(change, other));
    if (at >= 0) spare.splice(at, 1);
    return at < 0;
  });
  return { add, remove: [...remove].sort((a, b) => REMOVAL.indexOf(a.kind) - REMOVAL.indexOf(b.kind)) };
}

/** A rule goes before the route that it leads to. */
const REMOVAL: readonly RoutingChange['kind'][] = ['rule', 'local-route', 'address'];

/** Everything that is there and belongs to an interception, one entry a copy. */
function ownRouting(current: RoutingState, wanted: readonly RoutingChange[]): readonly RoutingChange[] {
  return [...FAMILIES.flatMap((family) => ownRoutes(current, wanted, family)), ...ownAddresses(current)];
}

function ownRoutes(current: RoutingState, wanted: readonly RoutingChange[], family: Family): readonly RoutingChange[] {
  const rules = (current.routingRules ?? []).filter((rule) => rule.family === family);
  const routes = (current.routes ?? []).filter((route) => route.family === family);
  const asked = wanted.filter((change) => change.family === family);
  const proofs = proofsOf(current, family);
  const own = rules.filter(
    (rule) => isAsked(rule, asked) || (isProved(rule, proofs) && holdsNothingElse(routes, rule.table)),
  );
  const tables = new Set([...proofs, ...own].map(({ table }) => table));
  // A table that somebody else's rule leads to is somebody else's.
  for (const rule of rules) if (!own.includes(rule)) tables.delete(rule.table);
  const local = routes.filter(isLocalDefault).filter(({ table }) => {
    if (asked.some((change) => change.kind === 'local-route' && change.table === table)) return true;
    return tables.has(table) && holdsNothingElse(routes, table);
  });
  return [
    ...own.map(({ mark, table }) => ({ kind: 'rule', family, mark: mark?.value ?? 0, table }) as const),
    ...local.map(({ table }) => ({ kind: 'local-route', family, table }) as const),
  ];
}

/** A mark that can only be an interception's, with its table; a mark found in the rules goes with any (-1). */
interface Proof {
  readonly mark: number;
  readonly table: number;
}

function proofsOf(current: RoutingState, family: Family): readonly Proof[] {
  const marks = withNativeSets(current)
    .held.filter(({ rules }) => rules.family === family)
    .flatMap(({ rules }) => chainOf(rules, 'mangle', 'ISTIO_DIVERT')?.rules ?? [])
    .flatMap(
      (rule) => /^-j MARK --set-xmark (0x[0-9a-f]+)\/0xffffffff$/.exec(printRule(uncommented(rule), family))?.[1] ?? [],
    );
  return [{ mark: 1337, table: 133 }, ...marks.map((mark) => ({ mark: Number(mark), table: -1 }))];
}

const isPlain = ({ mark, other }: RoutingRule): boolean => mark?.mask === 0xffff_ffff && other === undefined;

const isAsked = (rule: RoutingRule, asked: readonly RoutingChange[]): boolean =>
  isPlain(rule) &&
  asked.some((change) => change.kind === 'rule' && change.mark === rule.mark?.value && change.table === rule.table);

/** Never one that leads to default, main or local (253 to 255). */
const isProved = (rule: RoutingRule, proofs: readonly Proof[]): boolean =>
  isPlain(rule) &&
  (rule.table < 253 || rule.table > 255) &&
  proofs.some(({ mark, table }) => mark === rule.mark?.value && (table === rule.table || table < 0));

/** Whether a table holds at most the local default route through lo. */
const holdsNothingElse = (routes: readonly Route[], table: number): boolean =>
  routes.every((route) => route.table !== table || isLocalDefault(route));

const isLocalDefault = ({ kind, destination, length, device }: Route): boolean =>
  kind === 'local' && length === 0 && Number(destination) === 0 && device === 'lo';

/** `::6/128` on lo: IPv6 has no 127.0.0.0/8 for the proxy to call the app from. */
function ownAddresses({ interfaces }: RoutingState): readonly RoutingChange[] {
  const addresses = interfaces?.find(({ name }) => name === 'lo')?.addresses ?? [];
  return addresses.some(({ family, value, length }) => family === 'ipv6' && value === 6n && length === 128)
    ? [{ kind: 'address', family: 'ipv6', prefix: '::6/128', device: 'lo' }]
    : [];
}

function isSameChange(a: RoutingChange, b: RoutingChange): boolean {
  if (a.family !== b.family) return false;
  if (a.kind === 'rule') return b.kind === 'rule' && a.mark === b.mark && a.table === b.table;
  if (a.kind === 'local-route') return b.kind === 'local-route' && a.table === b.table;
  return b.kind === 'address' && a.prefix === b.prefix && a.device === b.device;
}

/** A snapshot once the changes outside netfilter are made, as far as packets are routed by them. */
export function routingWithin(snapshot: Snapshot, changes: readonly RoutingChange[]): Snapshot {
  const { routes, routingRules } = snapshot;
  if (!routes || !routingRules) return snapshot;
  const rules = changes.flatMap((change): RoutingRule[] =>
    change.kind === 'rule' && !routingRules.some((rule) => rule.family === change.family && rule.table === change.table)
      ? ruleMadeBy(change)
      : [],
  );
  const local = changes.flatMap((change): Route[] =>
    change.kind === 'local-route' &&
    !routes.some((route) => route.family === change.family && route.table === change.table)
      ? routeMadeBy(change)
      : [],
  );
  return { ...snapshot, routes: [...routes, ...local], routingRules: [...routingRules, ...rules] };
}

/** The line of ip rule that a change adds, if it adds one. */
export const ruleMadeBy = (change: RoutingChange): RoutingRule[] =>
  change.kind === 'rule'
    ? [
        {
          family: change.family,
          priority: BEFORE_MAIN,
          table: change.table,
          mark: { value: change.mark, mask: 0xffff_ffff },
        },
      ]
    : [];

/** The route that a change adds, if it adds one. */
export const routeMadeBy = (change: RoutingChange): Route[] =>
  change.kind === 'local-route'
    ? [
        {
          family: change.family,
          table: change.table,
          kind: 'local',
          destination: change.family === 'ipv4' ? 0 : 0n,
          length: 0,
          device: 'lo',
          metric: 0,
        },
      ]
    : [];

/** What `ip rule add` gives a line that names none. */
const BEFORE_MAIN = 32765;
