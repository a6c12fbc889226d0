import type { Family } from '../address/index.ts';
import { type Direction, type PacketSet, TooComplex } from '../analysis/index.ts';
import { type DriftFound, isTurned, type Moved, movedBetween, toHere } from '../explain/index.ts';
import { recognise } from '../interception/index.ts';
import {
  chainOf,
  effectOf,
  type FieldName,
  type HeldRules,
  isShownWhole,
  type Leaf,
  type Predicate,
  predicateOf,
  type Rule,
  type Snapshot,
  type TableName,
} from '../netfilter/index.ts';
import type { Audited } from './audited.ts';
import type { Example, PlacedRule } from './finding.ts';
import { arriving, fateOf, type LaneName, unionOf } from './lanes.ts';
import { inRules, lineOf, without } from './without.ts';

/** A rule by which connections may pass the proxy by. */
export interface Dodger {
  readonly held: HeldRules;
  readonly rule: Rule;
  readonly place: PlacedRule;
  /** Whether all rules here were made by hand, so that nothing tells what is meant. */
  readonly byHand: boolean;
}

/** Connections of a lane that pass, and one of them. */
export interface Passing {
  readonly lane: LaneName;
  readonly example: Example;
}

/** A rule more than the mesh writes, and what passes by it. */
export interface PassingDrift {
  readonly drift: DriftFound;
  readonly place: PlacedRule;
  readonly rule: Rule;
  readonly all: readonly Passing[];
}

/** Each asks for a comparison of all packets: of more than so many rules only the packet is followed that shows what they do. */
const MOST = 6;

/** The rules more than the mesh writes by which connections pass the proxy by. */
export function passingDrifts(audited: Audited): readonly PassingDrift[] {
  const before = known.get(audited);
  if (before) return before;
  const found = audited.drifts
    .filter(({ kind, bypass }) => kind === 'extra' && !bypass)
    .flatMap((drift, nth) => passingDrift(audited, drift, nth < MOST));
  known.set(audited, found);
  return found;
}

/** What was audited never changes, and several kinds ask. */
const known = new WeakMap<Audited, readonly PassingDrift[]>();

function passingDrift(audited: Audited, drift: DriftFound, isCompared: boolean): readonly PassingDrift[] {
  const { family, backend, table, chain, number, rule, question } = drift;
  const shown = question && audited.followed(question);
  // Of a packet in words not all is known that a rule may ask for: the address of a card.
  const isOpen = shown?.trace.outcome.kind === 'unknown';
  if (!rule || number === undefined || (shown && !isOpen && !goesPast(shown))) return [];
  const snapshot = inRules(audited.snapshot, rule);
  const held = snapshot.held.find(({ rules }) => chainOf(rules, table, chain)?.rules[number - 1] === rule);
  const passing = held && isCompared ? passingBy(audited, held, rule, snapshot).filter(isKnown) : [];
  const all: readonly Passing[] =
    passing.length === 0 && shown && !isOpen ? [{ lane: laneOfQuestion(shown), example: shown }] : passing;
  const line = lineOf(rule);
  const place = { family, table, backend, chain, number, ...(line === undefined ? {} : { line }) };
  return all.length > 0 ? [{ drift, place, rule, all }] : [];
}

/** What passes by chance has no end that is known. */
const isKnown = ({ example }: Passing): boolean => example.trace.outcome.kind !== 'unknown';

const laneOfQuestion = ({ question, trace }: Example): LaneName =>
  question.direction === 'in' ? 'inbound' : trace.outcome.kind === 'sent' ? 'outbound' : 'self';

/** As it is: what is turned to somebody else has not passed by. */
function goesPast({ question, trace: { outcome, packet } }: Example): boolean {
  const asked = question.packet;
  switch (outcome.kind) {
    case 'app':
    case 'nobody listens':
      return outcome.port === asked.destinationPort;
    case 'sent':
      return packet.destination === asked.destination && packet.destinationPort === asked.destinationPort;
    default:
      return false;
  }
}

/** Of all connections that surely would be turned to the proxy without a rule, and pass it by with it, one in each lane. */
export function passingBy(
  audited: Audited,
  held: HeldRules,
  rule: Rule,
  snapshot: Snapshot = audited.snapshot,
): readonly Passing[] {
  const { proxyPorts } = audited;
  const { family } = held.rules;
  const less = without(snapshot, held, rule);
  try {
    return (['in', 'out'] as const).flatMap((direction) => {
      const moved = movedBetween(less, snapshot, proxyPorts, family, direction).filter((one) => passes(audited, one));
      const opening = unionOf(moved.map(({ packets }) => packets.opening));
      return opening ? inLanes(audited, family, direction, opening) : [];
    });
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    return [];
  }
}

function passes({ proxyPorts }: Audited, { before, after, sure }: Moved): boolean {
  const isElsewhere = ('port' in after && after.port !== 'own') || (after.kind === 'sent' && after.to !== undefined);
  return sure && isTurned(before, proxyPorts) && !isElsewhere && fateOf(after, proxyPorts) === 'direct';
}

function inLanes(audited: Audited, family: Family, direction: Direction, opening: PacketSet): readonly Passing[] {
  const one = (lane: LaneName, packets: PacketSet): readonly Passing[] => {
    const example = audited.example(packets);
    return example ? [{ lane, example }] : [];
  };
  if (direction === 'in') return one('inbound', arriving(opening, audited.snapshot, family));
  const here = toHere(opening, audited.snapshot, family);
  return [...one('outbound', opening.minus(here)), ...one('self', here)];
}

/** Whether a difference is told as a rule by which connections dodge the proxy. */
export const isPassing = (audited: Audited, drift: DriftFound): boolean =>
  passingDrifts(audited).some((one) => one.drift === drift);

/** Whether one of these rules is, which then is not told as the mesh's own. */
export const isDodger = (audited: Audited, places: readonly PlacedRule[]): boolean =>
  passingDrifts(audited).some(({ place }) => places.some((one) => isSamePlace(one, place)));

export const isSamePlace = (one: PlacedRule, other: PlacedRule): boolean =>
  one.family === other.family &&
  one.backend === other.backend &&
  one.table === other.table &&
  one.chain === other.chain &&
  one.number === other.number;

/**
 * Where no dialect of Sidestep's wrote the rules: those that let by whom they name. Of a product's rules only such as it did not write
 * itself; of rules made by hand not that which tells the proxy's own connections from others.
 */
export function dodgersIn(audited: Audited): readonly Dodger[] {
  const { snapshot, written, proxyPorts, now } = audited;
  if (written || proxyPorts.length === 0 || !isShownWhole(snapshot)) return [];
  return snapshot.held.flatMap((held): readonly Dodger[] => {
    const found = recognise(held.rules, now);
    if (!found) return [];
    const byHand = found.dialect === 'hand-made';
    const isProxys = byHand ? ownerOfProxy(audited, held) : () => false;
    const isMeant = ({ table, chain, number }: PlacedRule): boolean =>
      byHand || found.foreign.some((one) => one.table === table && one.chain === chain && one.number === number);
    return passersIn(held)
      .filter(({ place, rule }) => isMeant(place) && !isProxys(rule))
      .map((one) => ({ ...one, byHand }));
  });
}

type Passer = Omit<Dodger, 'byHand'>;

/** Where meshes catch connections, and where conntrack is kept from them. */
const TABLES: readonly TableName[] = ['raw', 'mangle', 'nat'];

function passersIn(held: HeldRules): readonly Passer[] {
  const { backend, rules } = held;
  const { family } = rules;
  return rules.tables.flatMap(({ name: table, chains }) =>
    chains.flatMap(({ name: chain, rules: own }) =>
      own.flatMap((rule, at): readonly Passer[] => {
        if (!TABLES.includes(table) || !letsBy(rule, table, family) || !namesSome(rule, family)) return [];
        const line = rule.line === undefined ? {} : { line: rule.line };
        return [{ held, rule, place: { family, table, backend, chain, number: at + 1, ...line } }];
      }),
    ),
  );
}

function letsBy(rule: Rule, table: TableName, family: HeldRules['rules']['family']): boolean {
  const { kind } = effectOf(rule.target, family);
  return kind === 'return' || kind === 'accept' || (table === 'raw' && kind === 'continue');
}

/** By what traffic dodges a proxy; where it goes to is what an interception is made of. */
const BY: readonly FieldName[] = ['source', 'sourcePort', 'sourceMac', 'destinationPort', 'uid', 'gid', 'in', 'out'];

/** Loopback is left alone on purpose. */
const namesSome = (rule: Rule, family: HeldRules['rules']['family']): boolean => {
  const leaves = wanted(predicateOf(rule, family));
  const isOfLoopback = leaves.some((leaf) => leaf.kind === 'name' && leaf.text === 'lo');
  return !isOfLoopback && leaves.some(({ field }) => BY.includes(field));
};

/** What a condition asks for, but for what it excludes. */
function wanted(predicate: Predicate): readonly Leaf[] {
  switch (predicate.kind) {
    case 'all':
    case 'some':
      return predicate.of.flatMap(wanted);
    case 'member':
      return wanted(predicate.meaning);
    default:
      return 'field' in predicate ? [predicate] : [];
  }
}

/** Users and groups of meshes' proxies. Source: interception-rules 1 to 5. */
const USUAL: readonly number[] = [1337, 2102, 5678, 1500];

/**
 * Whether a rule by hand spares the proxy's own connections: those of who listens on its port; else of a usual user; where nobody can
 * tell, of any.
 */
function ownerOfProxy({ snapshot, proxyPorts }: Audited, { rules }: HeldRules): (rule: Rule) => boolean {
  const ownersIn = (rule: Rule): readonly number[] =>
    wanted(predicateOf(rule, rules.family)).flatMap((leaf) =>
      leaf.kind === 'in' && (leaf.field === 'uid' || leaf.field === 'gid') ? [Number(leaf.ranges[0]?.[0])] : [],
    );
  const spared = rules.tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules.flatMap(ownersIn)));
  const running = (snapshot.listeners ?? []).flatMap(({ port, uid }) =>
    uid !== undefined && proxyPorts.includes(port) ? [uid] : [],
  );
  const known = [running, USUAL].map((ids) => spared.filter((id) => ids.includes(id))).find((ids) => ids.length > 0);
  return (rule) => {
    const owners = ownersIn(rule);
    return owners.length > 0 && (known === undefined || owners.some((id) => known.includes(id)));
  };
}
