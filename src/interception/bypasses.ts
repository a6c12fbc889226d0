import { type Family, type PortRange, union } from '../address/index.ts';
import {
  type Backend,
  isBuiltIn,
  type Predicate,
  predicateOf,
  type Rule,
  type RuleSet,
  type Snapshot,
  type TableName,
} from '../netfilter/index.ts';
import { isOfOwn } from './bypass-rules.ts';
import { formerTarget, isBypass } from './comments.ts';
import { withNativeSets } from './native-sets.ts';

/** A bypass of Sidestep's that stands in the rules, known by its comment. */
export interface Bypass {
  readonly family: Family;
  readonly backend: Backend;
  readonly table: TableName;
  readonly chain: string;
  /** One-based. */
  readonly number: number;
  readonly rule: Rule;
  /** Inbound ports; for `self`, ports of this host that its own processes call. */
  readonly ports: readonly PortRange[];
  /** `edit`: in the mesh's own chain. */
  readonly kind: 'inbound' | 'self' | 'edit';
  /** Seconds since 1970 after which the kernel no longer lets the rule match. */
  readonly until?: number;
  readonly expired: boolean;
}

/** Every bypass of Sidestep's in a snapshot. Without a clock none counts as expired. */
export const bypassesIn = (snapshot: Snapshot, now?: number): readonly Bypass[] =>
  withNativeSets(snapshot).held.flatMap(({ rules, backend }) =>
    bypassesOf(rules, now).map((bypass) => ({ ...bypass, backend })),
  );

/** Every bypass of Sidestep's in one rule set. */
export function bypassesOf(rules: RuleSet, now?: number): readonly Omit<Bypass, 'backend'>[] {
  const { family } = rules;
  return rules.tables.flatMap(({ name: table, chains }) =>
    chains.flatMap(({ name: chain, rules: own }) =>
      own.flatMap((rule, index) => {
        if (!isBypass(rule)) return [];
        const until = untilOf(rule);
        return [
          {
            family,
            table,
            chain,
            number: index + 1,
            rule,
            ports: portsOf(rule, family),
            kind: isBuiltIn(table, chain) ? (isOfOwn(rule) ? 'self' : 'inbound') : 'edit',
            ...(until === undefined ? {} : { until }),
            expired: until !== undefined && now !== undefined && now > until,
          } as const,
        ];
      }),
    ),
  );
}

/** The ports that a rule asks for; all when it asks for none. */
export function portsOf(rule: Rule, family: Family): readonly PortRange[] {
  const ranges = rangesIn(predicateOf(rule, family), 'destinationPort');
  return ranges.length === 0 ? [[0, 65535]] : (union(ranges) as unknown as readonly PortRange[]);
}

/** The last second in which a rule matches, where it ends. */
export function untilOf(rule: Rule): number | undefined {
  const use = rule.matches.find(({ kind, name }) => kind === 'known' && name === 'time');
  return use?.kind === 'known' ? (use.options as { readonly stop?: number }).stop : undefined;
}

/** The ranges that a conjunction holds a field to. */
function rangesIn(predicate: Predicate, field: 'destinationPort'): (readonly [number, number])[] {
  if (predicate.kind === 'all') return predicate.of.flatMap((part) => rangesIn(part, field));
  return predicate.kind === 'in' && predicate.field === field
    ? (predicate.ranges as (readonly [number, number])[])
    : [];
}

/** Whether a rule is one of the mesh's that `bypass --edit` disarmed. */
export const isDisarmed = (rule: Rule): boolean => formerTarget(rule) !== undefined;
