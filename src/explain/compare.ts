import { FAMILIES, type Family } from '../address/index.ts';
import { TooComplex } from '../analysis/index.ts';
import {
  bypassesIn,
  commented,
  compareRules,
  heldAfter,
  interferenceIn,
  isFollowed,
  isIstioTable,
  isOwnChain,
  nativeModel,
  nativeSets,
  type Program,
  programmed,
  routingAfter,
  withoutExpired,
} from '../interception/index.ts';
import {
  type Backend,
  chainOf,
  emptyRuleSet,
  type HeldRules,
  heldFor,
  isBuiltIn,
  type Rule,
  type RuleSet,
  type Snapshot,
} from '../netfilter/index.ts';
import { printRule, sameRule } from '../text/index.ts';
import { routingWords } from './change-document.ts';
import { followers, meaningOf } from './drift-meaning.ts';
import { isTurned, type Moved, movedBetween } from './moved.ts';
import { expiryWords } from './summary.ts';
import type { DriftFound } from './verification.ts';
import { familyWord } from './words.ts';

/** What comparing a namespace's rules with a program found. */
export interface Compared {
  readonly drifts: readonly DriftFound[];
  /** In ip's words. */
  readonly routing: readonly string[];
  /** Rules that should be there and were looked for. */
  readonly compared: number;
  /** Why the comparison may have missed something, one clause each. */
  readonly doubts: readonly string[];
  /** The back end that holds the interception, or would. */
  readonly backend: Backend;
  /** Where anything differs: the packets that go to the proxy and should not, or should and do not, and all else that the mesh's own rules do otherwise. */
  readonly stray: readonly Moved[];
  /** Whether these are all of them: else `doubts` say why not. */
  readonly strayComplete: boolean;
}

/**
 * Compares what a namespace holds with what a program would write there: the mesh's own chains, its rules in built-in
 * chains, and in whatever built-in chain the rules of others that change the fate of intercepted connections. Other
 * software's rules are its own business as long as they do not.
 *
 * @param now seconds since 1970, for bypasses that end
 */
export function compareWith(snapshot: Snapshot, program: Program, now: number): Compared {
  const main = mainBackend(snapshot);
  const expected = expectedHeld(snapshot, program, main);
  const families = FAMILIES.filter((family) => heldFor(snapshot, family).length > 0);
  const written = heldAfter(program, snapshot, main, families).held;
  const asItShouldBe = snapshot.held.map((one) => {
    const other = written.find((each) => isSameHeld(one, each));
    return other ? { backend: one.backend, rules: withRulesOf(one.rules, other.rules) } : one;
  });
  const interferences = interferenceIn(asItShouldBe, expected, now);
  const follow = followers({ ...snapshot, held: expected }, snapshot, program, now);
  const bypasses = bypassesIn(snapshot, now);
  const drifts = snapshot.held.flatMap((held): DriftFound[] => {
    const { backend, rules: actual } = held;
    const wanted = expected.find((one) => isSameHeld(one, held))?.rules ?? emptyRuleSet(actual.family);
    const others = othersIn(actual, asItShouldBe.find((one) => isSameHeld(one, held))?.rules ?? actual, wanted);
    return compareRules(relevant(wanted), relevant(actual), others).flatMap((drift): DriftFound[] => {
      const { kind, family, table, chain, number, rule } = drift;
      const bypass = bypasses.find(
        (one) =>
          (kind === 'extra' || kind === 'changed') &&
          one.backend === backend &&
          one.family === family &&
          one.table === table &&
          one.chain === chain &&
          one.number === number,
      );
      const foreign = kind === 'policy' || (rule !== undefined && others.has(rule) && kind === 'extra');
      const interference = interferences.find(
        (one) =>
          one.backend === backend &&
          one.family === family &&
          one.table === table &&
          one.chain === chain &&
          one.rule === rule,
      );
      if (foreign && !interference && !bypass) return [];
      const meaning = meaningOf(drift, backend, follow, interference?.diverted ?? []);
      const ends = bypass ? expiryWords(bypass, now) : '';
      return [
        {
          ...drift,
          backend,
          ...meaning,
          ...(foreign ? { foreign: true as const } : {}),
          ...(bypass ? { bypass: ends === '' ? "a bypass of Sidestep's" : `a bypass of Sidestep's, ${ends}` } : {}),
        },
      ];
    });
  });
  const doubts = isFollowed(asItShouldBe, now) ? [] : [TOO_MANY];
  const native = compareNative(snapshot, program, now);
  const all = [...drifts, ...native.drifts];
  const { stray, open } = strayIn(snapshot, { expected, asItShouldBe, drifts: all }, program, now);
  return {
    drifts: all,
    stray,
    strayComplete: open.length === 0,
    routing: routingDrift(snapshot, program),
    compared: countRules(expected) + native.compared,
    doubts: [...doubts, ...open],
    backend: main,
  };
}

/** The same, with or without the comments of `init --comment`: rules written with them are as good as those without. */
export function compareAsWritten(
  snapshot: Snapshot,
  program: Program,
  now: number,
): Compared & { readonly commented: boolean } {
  const plain = compareWith(snapshot, program, now);
  if (plain.drifts.length === 0) return { ...plain, commented: false };
  const told = compareWith(snapshot, commented(program), now);
  return told.drifts.length < plain.drifts.length ? { ...told, commented: true } : { ...plain, commented: false };
}

/** What is compared with the rules that are here: the mesh's alone, and as they would be beside those of others. */
interface Wanted {
  readonly expected: readonly HeldRules[];
  readonly asItShouldBe: readonly HeldRules[];
  readonly drifts: readonly DriftFound[];
}

/**
 * What the rules here do otherwise with packets: those that come to the proxy and should not, or should and do not, whoever's rule
 * does it; all others only where it is the mesh's own rules that differ. Who listens just now is left out. `open`: what was too complex.
 */
function strayIn(
  { listeners: _, ...given }: Snapshot,
  { expected, asItShouldBe, drifts }: Wanted,
  program: Program,
  now: number,
): { readonly stray: readonly Moved[]; readonly open: readonly string[] } {
  if (drifts.length === 0) return { stray: [], open: [] };
  const inForce = (held: readonly HeldRules[]): readonly HeldRules[] =>
    held.map(({ backend, rules }) => ({ backend, rules: withoutExpired(rules, now) }));
  const found = { ...given, held: inForce(given.held) };
  const foreign = (found.native ?? []).filter((table) => !isIstioTable(table));
  const native = [...foreign, ...nativeModel(program.native ?? [])];
  const { inboundPort, outboundPort } = program.interception;
  const proxyPorts = [inboundPort, outboundPort];
  const turned = ({ before, after }: Moved): boolean => isTurned(before, proxyPorts) || isTurned(after, proxyPorts);
  const open = new Set<string>();
  const moved = (one: Snapshot, other: Snapshot, isMeant: (one: Moved) => boolean): readonly Moved[] =>
    FAMILIES.filter((family) => heldFor(found, family).length > 0).flatMap((family) =>
      (['in', 'out'] as const).flatMap((direction) => {
        try {
          return movedBetween(one, other, proxyPorts, family, direction).filter(isMeant);
        } catch (error) {
          if (!(error instanceof TooComplex)) throw error;
          open.add(
            `which packets are treated differently is not known of ${WAYS[direction]} ${familyWord(family)}: ${error.message}`,
          );
          return [];
        }
      }),
    );
  const stray = moved({ ...found, held: expected, native }, found, turned);
  const own = drifts.some((drift) => drift.foreign !== true && drift.bypass === undefined);
  if (!own) return { stray, open: [...open] };
  // What others' rules keep from the proxy has been told: these stand in neither of the two, so that nothing is told twice.
  const [should, does] = [asItShouldBe, given.held].map((held) => ({
    ...found,
    held: inForce(withoutForeign(held, drifts)),
  }));
  const rest = moved({ ...should!, native }, does!, (one) => !turned(one));
  return { stray: [...stray, ...rest], open: [...open] };
}

/** Rules without those of others that are told as differences, and without their policies. */
function withoutForeign(held: readonly HeldRules[], drifts: readonly DriftFound[]): readonly HeldRules[] {
  const foreign = drifts.filter((drift) => drift.foreign);
  if (foreign.length === 0) return held;
  const rules = new Set(foreign.map(({ rule }) => rule));
  return held.map((one) => ({
    ...one,
    rules: {
      ...one.rules,
      tables: one.rules.tables.map((table) => ({
        ...table,
        chains: table.chains.map((chain) => ({
          ...chain,
          rules: chain.rules.filter((rule) => !rules.has(rule)),
          ...(foreign.some((drift) => isPolicyOf(drift, one, table.name, chain.name))
            ? { policy: 'ACCEPT' as const }
            : {}),
        })),
      })),
    },
  }));
}

const isPolicyOf = (drift: DriftFound, { backend, rules }: HeldRules, table: string, chain: string): boolean =>
  drift.kind === 'policy' &&
  drift.backend === backend &&
  drift.family === rules.family &&
  drift.table === table &&
  drift.chain === chain;

const WAYS = { in: 'inbound', out: 'outbound' } as const;

const TOO_MANY =
  "the rules of others are too many to be followed: only those beside the interception's own were looked at";

const isSameHeld = (one: HeldRules, other: HeldRules): boolean =>
  one.backend === other.backend && one.rules.family === other.rules.family;

/** A rule set in which every rule that another one holds in the same chain is that very rule. */
const withRulesOf = (held: RuleSet, rules: RuleSet): RuleSet => ({
  ...rules,
  tables: rules.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => {
      const left = [...(chainOf(held, table.name, chain.name)?.rules ?? [])];
      const own = (rule: Rule): Rule => {
        const at = left.findIndex((other) => other === rule || sameRule(other, rule, rules.family));
        return left.splice(at < 0 ? left.length : at, 1)[0] ?? rule;
      };
      return { ...chain, rules: chain.rules.map(own) };
    }),
  })),
});

/** The rules in built-in chains that stay where the interception is written again: those of others. */
function othersIn(actual: RuleSet, written: RuleSet, wanted: RuleSet): ReadonlySet<Rule> {
  const rulesIn = (rules: RuleSet): readonly Rule[] =>
    rules.tables.flatMap(({ name, chains }) =>
      chains.flatMap((chain) => (isBuiltIn(name, chain.name) ? chain.rules : [])),
    );
  const stay = new Set(
    compareRules(relevant(wanted), relevant(written)).flatMap(({ kind, rule }) =>
      kind === 'extra' && rule ? [rule] : [],
    ),
  );
  return new Set(rulesIn(actual).filter((rule) => stay.has(rule)));
}

/**
 * The same of native tables, which belong to the mesh whole. They are compared as the rules of iptables that they mean; a rule for
 * both families counts once.
 */
function compareNative(snapshot: Snapshot, program: Program, now: number): Pick<Compared, 'drifts' | 'compared'> {
  const { native: tables = [] } = program;
  const model = nativeModel(tables);
  const [wanted, there] = [nativeSets({ native: model }), nativeSets(snapshot)];
  const foreign = (snapshot.native ?? []).filter((table) => !isIstioTable(table));
  if (model.length === 0 && there.length === 0) return { drifts: [], compared: 0 };
  const asIptables = (held: readonly HeldRules[]): Snapshot => ({ ...snapshot, held, native: foreign });
  const follow = followers(asIptables(wanted), asIptables(there), program, now);
  const setOf = (sets: readonly HeldRules[], family: Family): RuleSet =>
    sets.find(({ rules }) => rules.family === family)?.rules ?? emptyRuleSet(family);
  const all = FAMILIES.flatMap((family) => compareRules(setOf(wanted, family), setOf(there, family)));
  const bypasses = bypassesIn({ ...snapshot, held: [] }, now);
  const told = new Set<string>();
  const drifts = all.flatMap((drift): DriftFound[] => {
    const { kind, family, table, chain, rule } = drift;
    const words = [kind, table, chain, rule ? printRule(rule, family) : ''].join(' ');
    if (told.has(words)) return [];
    told.add(words);
    const meaning = meaningOf(drift, 'nft', follow, []);
    const own = bypasses.some(
      (one) =>
        kind === 'extra' &&
        one.family === family &&
        one.table === table &&
        one.chain === chain &&
        one.number === drift.number,
    );
    const bypass = own ? { bypass: "a bypass of Sidestep's" } : {};
    return [{ ...drift, backend: 'nft', ...meaning, ...bypass }];
  });
  return { drifts, compared: tables.flatMap(({ chains }) => chains).reduce((sum, { rules }) => sum + rules.length, 0) };
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

/** A rule set without the chains of others. */
const relevant = (rules: RuleSet): RuleSet => ({
  ...rules,
  tables: rules.tables.map((table) => ({
    ...table,
    chains: table.chains.filter(({ name }) => isOwnChain(name) || isBuiltIn(table.name, name)),
  })),
});

/** Routing is compared where it was read. */
function routingDrift(snapshot: Snapshot, program: Program): string[] {
  if (!snapshot.routingRules || !snapshot.routes) return [];
  const { add, remove } = routingAfter(snapshot, program);
  return [
    ...add.map((change) => `missing: ip ${routingWords(change)}`),
    ...remove.map((change) => `too much: ip ${routingWords(change)}`),
  ];
}

const countRules = (held: readonly HeldRules[]): number =>
  held
    .flatMap(({ rules }) => relevant(rules).tables)
    .flatMap(({ chains }) => chains)
    .reduce((sum, { rules }) => sum + rules.length, 0);
