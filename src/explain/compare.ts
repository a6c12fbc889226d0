import { FAMILIES } from '../address/index.ts';
import { bypassesIn, compareRules, isOwnChain, type Program, programmed, routingAfter } from '../interception/index.ts';
import {
  type Backend,
  emptyRuleSet,
  type HeldRules,
  heldFor,
  isBuiltIn,
  type RuleSet,
  type Snapshot,
  type TableName,
} from '../netfilter/index.ts';
import { routingWords } from './change-document.ts';
import { meaningOf } from './drift-meaning.ts';
import { expiryWords } from './summary.ts';
import type { DriftFound } from './verification.ts';

/** What comparing a namespace's rules with a program found. */
export interface Compared {
  readonly drifts: readonly DriftFound[];
  /** In ip's words. */
  readonly routing: readonly string[];
  /** Rules that should be there and were looked for. */
  readonly compared: number;
  /** The back end that holds the interception, or would. */
  readonly backend: Backend;
}

/**
 * Compares what a namespace holds with what a program would write there: the mesh's own chains, and every built-in chain
 * that it writes into, in which a rule of somebody else's is an extra one. Other software's chains are its own business.
 *
 * @param now seconds since 1970, for bypasses that end
 */
export function compareWith(snapshot: Snapshot, program: Program, now: number): Compared {
  const main = mainBackend(snapshot);
  const expected = expectedHeld(snapshot, program, main);
  const should: Snapshot = { ...snapshot, held: expected };
  const { proxy, inboundPort, outboundPort } = program.interception;
  const uid = Number(proxy.uids[0] ?? 1337) || 1337;
  const bypasses = bypassesIn(snapshot, now);
  const drifts = snapshot.held.flatMap(({ backend, rules: actual }): DriftFound[] => {
    const wanted = expected.find((held) => held.backend === backend && held.rules.family === actual.family)?.rules;
    return compareRules(relevant(wanted ?? emptyRuleSet(actual.family), program), relevant(actual, program)).map(
      (drift) => {
        const bypass = bypasses.find(
          (one) =>
            one.backend === backend &&
            one.family === drift.family &&
            one.table === drift.table &&
            one.chain === drift.chain &&
            one.number === drift.number &&
            drift.kind === 'extra',
        );
        const means = meaningOf(drift, should, snapshot, [inboundPort, outboundPort], uid, now);
        const ends = bypass ? expiryWords(bypass, now) : '';
        return {
          ...drift,
          backend,
          ...(means ? { means } : {}),
          ...(drift.kind === 'extra' && isBuiltIn(drift.table, drift.chain) ? { foreign: true as const } : {}),
          ...(bypass ? { bypass: ends === '' ? "a bypass of Sidestep's" : `a bypass of Sidestep's, ${ends}` } : {}),
        };
      },
    );
  });
  return { drifts, routing: routingDrift(snapshot, program), compared: countRules(expected, program), backend: main };
}

/** The back end that holds the interception; the first where none does. */
function mainBackend({ held }: Snapshot): Backend {
  const owner = held.find(({ rules }) =>
    rules.tables.some(({ chains }) => chains.some(({ name }) => isOwnChain(name))),
  );
  return (owner ?? held[0])?.backend ?? 'nft';
}

/** What every back end should hold: the program in one, nothing of it in the other. */
const expectedHeld = (snapshot: Snapshot, program: Program, main: Backend): readonly HeldRules[] =>
  FAMILIES.filter((family) => heldFor(snapshot, family).length > 0).flatMap((family) =>
    heldFor(snapshot, family).map(({ backend }) => ({
      backend,
      rules: backend === main ? programmed(emptyRuleSet(family), program, family) : emptyRuleSet(family),
    })),
  );

/** The part of a rule set that a program has to do with. */
function relevant(rules: RuleSet, program: Program): RuleSet {
  const touched = (table: TableName, chain: string): boolean =>
    isOwnChain(chain) ||
    (isBuiltIn(table, chain) &&
      FAMILIES.some((family) =>
        program.commands[family].some((command) => command.table === table && command.chain === chain),
      ));
  return {
    ...rules,
    tables: rules.tables.map((table) => ({
      ...table,
      chains: table.chains.filter(({ name }) => touched(table.name, name)),
    })),
  };
}

/** Routing is compared where it was read. */
function routingDrift(snapshot: Snapshot, program: Program): string[] {
  if (!snapshot.routingRules || !snapshot.routes) return [];
  const { add, remove } = routingAfter(snapshot, program);
  return [
    ...add.map((change) => `missing: ip ${routingWords(change)}`),
    ...remove.map((change) => `too much: ip ${routingWords(change)}`),
  ];
}

const countRules = (held: readonly HeldRules[], program: Program): number =>
  held
    .flatMap(({ rules }) => relevant(rules, program).tables)
    .flatMap(({ chains }) => chains)
    .reduce((sum, { rules }) => sum + rules.length, 0);
