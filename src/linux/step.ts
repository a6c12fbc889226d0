import type { Family } from '../address/index.ts';
import {
  type Backend,
  type HeldRules,
  isTableName,
  type Snapshot,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { restoreScript } from '../text/index.ts';
import { rulesOf } from './backend.ts';
import { type RoutingChange, type RoutingStep, stepsToAdd, stepsToRemove } from './routing-change.ts';

/** What a namespace should hold after a change. */
export interface Desired {
  /** What each named family and back end holds afterwards. Those not named stay as they are. */
  readonly held: readonly HeldRules[];
  readonly routing?: { readonly add?: readonly RoutingChange[]; readonly remove?: readonly RoutingChange[] };
}

/**
 * One thing to do, and what undoes it. A restore concerns one table, because a table is what the tools commit at once (the
 * nft ones too).
 */
export type Step =
  | {
      readonly kind: 'restore';
      readonly backend: Backend;
      readonly family: Family;
      readonly table: TableName;
      /** What iptables-restore --noflush is given. */
      readonly script: string;
      readonly undo: string;
    }
  | ({ readonly kind: 'ip' } & RoutingStep);

/** Steps in their order: `first`, then both families side by side, then `last`. */
export interface Plan {
  /** Routing that rules to come need. */
  readonly first: readonly Step[];
  readonly rules: Readonly<Record<Family, readonly Step[]>>;
  /** Routing that rules no longer need. */
  readonly last: readonly Step[];
}

/** All steps of a plan in order. Empty: there is nothing to do. */
export const stepsOf = ({ first, rules, last }: Plan): readonly Step[] => [
  ...first,
  ...rules.ipv4,
  ...rules.ipv6,
  ...last,
];

/** What leads from a snapshot to what is desired, such that traffic is never without the old rules or the new. */
export const planOf = (before: Snapshot, { held, routing }: Desired): Plan => ({
  first: (routing?.add ?? []).flatMap((change) => stepsToAdd(change, before).map(ipStep)),
  rules: { ipv4: restoreSteps(before, held, 'ipv4'), ipv6: restoreSteps(before, held, 'ipv6') },
  last: (routing?.remove ?? []).flatMap((change) => stepsToRemove(change, before).map(ipStep)),
});

const ipStep = (step: RoutingStep): Step => ({ kind: 'ip', ...step });

function restoreSteps(before: Snapshot, held: readonly HeldRules[], family: Family): Step[] {
  const steps = held
    .filter(({ rules }) => rules.family === family)
    .flatMap(({ backend, rules }) => {
      const old = rulesOf(before, family, backend);
      const undo = new Map(perTable(restoreScript(rules, old)));
      return perTable(restoreScript(old, rules)).map(
        ([table, script]): Step => ({ kind: 'restore', backend, family, table, script, undo: undo.get(table) ?? '' }),
      );
    });
  // The text layer puts tables that gain rules first; between back ends the same holds.
  return [...steps.filter(gains), ...steps.filter((step) => !gains(step))];
}

const gains = (step: Step): boolean => step.kind === 'restore' && /^(?::|-A|-I)/m.test(step.script);

/** A restore script cut into its tables. */
function perTable(script: string): [TableName, string][] {
  const sections: [TableName, string][] = [];
  for (const section of script.split(/(?<=^COMMIT\n)/m)) {
    const name = /^\*(\S+)$/m.exec(section)?.[1] ?? '';
    if (isTableName(name)) sections.push([name, section]);
  }
  return sections;
}

/** nft tables that a plan empties and that are not wanted afterwards. */
export const abandoned = (plan: Plan, { held }: Desired): readonly { family: Family; table: TableName }[] =>
  stepsOf(plan).flatMap((step) => {
    if (step.kind !== 'restore' || step.backend !== 'nft') return [];
    const { family, table } = step;
    const wanted = held.some(
      ({ backend, rules }) => backend === 'nft' && rules.family === family && tableOf(rules, table),
    );
    return wanted ? [] : [{ family, table }];
  });
