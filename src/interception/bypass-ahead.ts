import { FAMILIES, type Family } from '../address/index.ts';
import {
  type Backend,
  BUILT_IN,
  emptyRuleSet,
  type HeldRules,
  type HookName,
  type RuleSet,
  type Snapshot,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { inboundEntrance, inserted, ownEntrances } from './bypass-insert.ts';
import type { BypassRequest } from './bypass-request.ts';
import { withoutOutdated } from './bypass-undo.ts';

/**
 * The snapshot with a bypass laid out before there is anything to bypass: at the top of PREROUTING, where the mesh's own
 * jump will be appended behind it. Only in the families of which the namespace has an address that others can reach, and
 * only in one back end: a rule in the other one would make Istio take that for the one in use.
 */
export function prepared(snapshot: Snapshot, request: BypassRequest, backend: Backend = backendOf(snapshot)): Snapshot {
  const families = (request.families ?? FAMILIES).filter((family) => isUsed(snapshot, family));
  let { held } = snapshot;
  for (const family of families) {
    const at = held.findIndex((one) => one.backend === backend && one.rules.family === family);
    const before = held[at]?.rules ?? emptyRuleSet(family);
    const after: HeldRules = { backend, rules: withBypass(before, request) };
    held = at < 0 ? [...held, after] : held.with(at, after);
  }
  return { ...snapshot, held };
}

/** Without a choice: that of the rules which are there. */
const backendOf = ({ held }: Snapshot): Backend =>
  (held.find(({ rules }) => rules.tables.length > 0) ?? held[0])?.backend ?? 'nft';

/** Whether anybody can reach this namespace by a family. What was not read counts as reachable. */
function isUsed({ interfaces, held }: Snapshot, family: Family): boolean {
  if (!interfaces) return held.some(({ rules }) => rules.family === family);
  return interfaces.some(({ addresses }) =>
    addresses.some((address) => address.family === family && address.scope !== 'host' && address.scope !== 'link'),
  );
}

function withBypass(before: RuleSet, request: BypassRequest): RuleSet {
  const { ports, self } = request;
  const transparent = request.ahead === 'TPROXY';
  const own = ownEntrances(transparent, request).filter(({ table }) => table === 'nat');
  const inbound = inboundEntrance(transparent ? 'mangle' : 'nat', request);
  return [inbound, ...(self ? own : [])].reduce(
    (rules, entrance) => inserted(withTable(rules, entrance.table), entrance, { ports, caught: [] }, request),
    withoutOutdated(before, request),
  );
}

/** The rule set with a table, made of its built-in chains where it was not there. */
function withTable(rules: RuleSet, name: TableName): RuleSet {
  if (tableOf(rules, name)) return rules;
  const builtIn: readonly HookName[] = BUILT_IN[name];
  const chains = builtIn.map((chain) => ({ name: chain, policy: 'ACCEPT', rules: [] }) as const);
  return { ...rules, tables: [...rules.tables, { name, chains }] };
}
