import type { FieldName } from '../netfilter/index.ts';
import type { Value } from './code.ts';
import { complement, type Diagram, type Edge, NONE } from './diagram.ts';
import { type Case, type Current, constant, type Environment, type Environments } from './environment.ts';
import type { Exits, Way } from './exits.ts';
import { kept } from './kept.ts';

/** What nat writes: of these, rules may have thousands. */
const MAPPED: ReadonlySet<FieldName> = new Set([
  ...(['destination', 'destinationPort', 'ctreplsrc', 'ctreplsrcport'] as const),
  ...(['source', 'sourcePort', 'ctrepldst', 'ctrepldstport'] as const),
]);

/**
 * Packets that nat has sent to very many places, in one environment: there the place is a case of the packet's. So what comes after
 * nat is gone through once, where it were once for each endpoint of a cluster's services.
 */
export function byCases(diagram: Diagram, environments: Environments, exits: Exits): Exits {
  if (exits.length < 2) return exits;
  const groups = new Map<string, Placed[]>();
  const after: Way[] = [];
  for (const { exit, when } of exits) {
    if (exit.kind !== 'accept') after.push({ exit, when });
    else {
      const { environment } = exit;
      kept(groups, keyBesidesPlaces(environments, environment), () => []).push({ environment, when });
    }
  }
  for (const group of groups.values()) {
    const when = diagram.any(group.map((each) => each.when));
    after.push({ exit: { kind: 'accept', environment: withCases(environments, group) }, when });
  }
  return after;
}

/** Packets, and what has become of them. */
interface Placed {
  readonly environment: Environment;
  readonly when: Edge;
}

/** Tells environments apart that differ in more than in constants of a mapping. */
function keyBesidesPlaces(environments: Environments, { fields, state }: Environment): string {
  const bare = [...fields].map(([field, current]): [FieldName, Current] => [
    field,
    MAPPED.has(field) && current.kind === 'const' ? constant('') : current,
  ]);
  return environments.keyOf(new Map(bare), state);
}

function withCases(environments: Environments, group: readonly Placed[]): Environment {
  const [first] = group;
  if (!first) throw new Error('a group has at least one environment');
  if (group.length === 1) return first.environment;
  const sets = group.map(({ when }) => when);
  const fields = new Map(first.environment.fields);
  for (const [field, current] of first.environment.fields) {
    if (!MAPPED.has(field) || current.kind !== 'const') continue;
    const values = group.map(({ environment }) => (environment.fields.get(field) as typeof current).value);
    if (values.some((value) => value !== values[0])) fields.set(field, environments.byCase(sets, values));
  }
  return environments.make(fields, first.environment.state);
}

/** The same packets, apart by what their cases make of some fields: there these are constants. */
export function* spread(
  diagram: Diagram,
  fields: ReadonlyMap<FieldName, Current>,
  when: Edge,
  which: readonly FieldName[],
): IterableIterator<{ readonly fields: ReadonlyMap<FieldName, Current>; readonly when: Edge }> {
  const found = which.map((field) => fields.get(field)).find((current) => current?.kind === 'case');
  if (!found) {
    yield { fields, when };
    return;
  }
  const alike = which.filter((field) => isOf(fields.get(field), found.sets));
  for (const [at, set] of found.sets.entries()) {
    const part = diagram.and(when, set);
    if (part === NONE) continue;
    const told = alike.map((field) => [field, constant((fields.get(field) as Case).values[at]!)] as const);
    yield* spread(diagram, new Map([...fields, ...told]), part, which);
  }
}

const isOf = (current: Current | undefined, sets: readonly Edge[]): boolean =>
  current?.kind === 'case' && current.sets === sets;

/** Cases whose values are alike, with the packets that have one of them. */
export interface Alike {
  readonly value: Value;
  readonly when: Edge;
}

/** Puts cases together whose values have the same name. Every packet is in one of them. */
export function alikeCases(
  diagram: Diagram,
  { sets, values }: Case,
  nameOf: (value: Value) => unknown,
): readonly Alike[] {
  const found = new Map<unknown, { value: Value; sets: Edge[] }>();
  for (const [at, value] of values.entries())
    kept(found, nameOf(value), () => ({ value, sets: [] })).sets.push(sets[at]!);
  const [first, ...others] = [...found.values()];
  if (!first) return [];
  const alike = others.map((one) => ({ value: one.value, when: diagram.any(one.sets) }));
  return [{ value: first.value, when: complement(diagram.any(alike.map(({ when }) => when))) }, ...alike];
}

/** The packets whose case meets a condition. */
export const meetingCase = (diagram: Diagram, of: Case, meets: (value: Value) => boolean): Edge =>
  alikeCases(diagram, of, meets).find(({ value }) => meets(value))?.when ?? NONE;
