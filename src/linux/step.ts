import type { Family } from '../address/index.ts';
import {
  type Backend,
  type HeldRules,
  isSameTable,
  isTableName,
  type Snapshot,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { parseNft, restoreScript } from '../text/index.ts';
import { rulesOf } from './backend.ts';
import { type RoutingChange, type RoutingStep, stepsToAdd, stepsToRemove } from './routing-change.ts';

/** What a namespace should hold after a change. */
export interface Desired {
  /** What each named family and back end holds afterwards. Those not named stay as they are. */
  readonly held: readonly HeldRules[];
  /** What becomes of each named table of nftables. Those not named stay as they are. */
  readonly native?: readonly TableWish[];
  readonly routing?: { readonly add?: readonly RoutingChange[]; readonly remove?: readonly RoutingChange[] };
}

/** A table of nftables, family inet, as it should be. */
export interface TableWish {
  readonly name: string;
  /** Its definition in nft's words. Absent: it should not be there. */
  readonly text?: string;
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
  /** Tables of nftables, all in one transaction. */
  | { readonly kind: 'nft'; readonly script: string; readonly undo: string }
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

/**
 * What leads from a snapshot to what is desired, such that traffic is never without the old rules or the new.
 *
 * @param texts the tables of nftables as nft listed them, for the undo
 */
export function planOf(before: Snapshot, { held, routing, native = [] }: Desired, texts: TableTexts = new Map()): Plan {
  const wishes = native.filter((wish) => !isFulfilled(wish, before));
  const tables = wishes.length === 0 ? [] : [nftStep(wishes, texts)];
  const writes = wishes.some(({ text }) => text !== undefined);
  return {
    first: [
      ...(routing?.add ?? []).flatMap((change) => stepsToAdd(change, before).map(ipStep)),
      ...(writes ? tables : []),
    ],
    rules: { ipv4: restoreSteps(before, held, 'ipv4'), ipv6: restoreSteps(before, held, 'ipv6') },
    last: [
      ...(writes ? [] : tables),
      ...(routing?.remove ?? []).flatMap((change) => stepsToRemove(change, before).map(ipStep)),
    ],
  };
}

/** Definitions of tables by their family and name: `inet istio-proxy-nat`. */
export type TableTexts = ReadonlyMap<string, string>;

function isFulfilled({ name, text }: TableWish, { native = [] }: Snapshot): boolean {
  const there = native.find((table) => table.family === 'inet' && table.name === name);
  if (text === undefined || there === undefined) return (text === undefined) === (there === undefined);
  const [wanted] = parseNft(text, { source: `table inet ${name}` });
  return wanted !== undefined && isSameTable(wanted, there);
}

/** Each table anew, or gone: nft carries out all of it or nothing. */
function nftStep(wishes: readonly TableWish[], texts: TableTexts): Step {
  const anew = (textOf: (wish: TableWish) => string | undefined): string =>
    wishes
      .map((wish) => {
        const name = `inet ${wish.name}`;
        return `add table ${name}\ndelete table ${name}\n${textOf(wish) ?? ''}`;
      })
      .join('');
  return { kind: 'nft', script: anew(({ text }) => text), undo: anew(({ name }) => texts.get(`inet ${name}`)) };
}

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
