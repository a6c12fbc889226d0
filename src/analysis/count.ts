import type { FieldName } from '../netfilter/index.ts';
import { sizeOf } from './code.ts';
import { ALL, type Edge, NONE } from './diagram.ts';
import type { Placed } from './domain.ts';
import { HAVING } from './having.ts';
import type { Space } from './space.ts';

/** How many values the numbers below one stand for, for each number of a variable. */
type Weights = (number: number) => bigint;

/** How many packets of a space a set has: combinations of the values of all fields that anything asks for. */
export function countAll(space: Space, set: Edge): bigint {
  const { domain } = space;
  const asked = [...domain.fields.values()];
  const dependent = asked.filter(({ field }) => HAVING[field]);
  if (dependent.length === 0 || !domain.fields.has('protocol')) return total(space, set, asked, new Set());
  // Packets without a field have no value of it to count: those that have the same fields are counted together.
  const alike = new Map<string, { readonly lacking: ReadonlySet<FieldName>; readonly protocols: number[] }>();
  for (let protocol = 0; protocol < 256; protocol += 1) {
    const lacking = dependent.filter(({ field }) => !HAVING[field]!.includes(protocol)).map(({ field }) => field);
    const known = alike.get(lacking.join());
    if (known) known.protocols.push(protocol);
    else alike.set(lacking.join(), { lacking: new Set(lacking), protocols: [protocol] });
  }
  let sum = 0n;
  for (const { lacking, protocols } of alike.values()) {
    const these = space.original({ kind: 'in', field: 'protocol', ranges: protocols.map((one) => [one, one]) });
    sum += total(space, space.diagram.and(set, these), asked, lacking);
  }
  return sum;
}

/** How many combinations of values of these fields a set has, of packets that have them all. */
export function countOf(space: Space, set: Edge, fields: readonly FieldName[]): bigint {
  const { diagram, domain } = space;
  const asked = fields.flatMap((field) => domain.fields.get(field) ?? []);
  const having = fields.reduce((all, field) => diagram.and(all, HAVING[field] ? space.having(field) : ALL), set);
  const kept = new Set(asked.flatMap(({ first, levels }) => Array.from({ length: levels }, (_, at) => first + at)));
  return total(
    space,
    diagram.exists(having, (level) => !kept.has(level)),
    asked,
    new Set(),
  );
}

/** Counts a set that asks these fields alone; a field that is lacking counts once. */
function total({ diagram }: Space, set: Edge, asked: readonly Placed[], lacking: ReadonlySet<FieldName>): bigint {
  const levels = asked
    .flatMap((placed) =>
      Array.from({ length: placed.levels }, (_, at) => ({
        level: placed.first + at,
        below: weightsOf(placed, lacking),
      })),
    )
    .sort((one, other) => one.level - other.level);
  /** How many values the variables from one on have together. */
  const whole: bigint[] = [1n];
  for (const { below } of levels.toReversed()) whole.unshift(whole[0]! * below(Number.POSITIVE_INFINITY));
  const known = new Map<Edge, bigint>();
  const places = new Map(levels.map(({ level }, at) => [level, at]));
  const placeOf = (edge: Edge): number => (edge <= NONE ? levels.length : places.get(diagram.level(edge))!);
  /** Of the variables from the set's first one on. */
  const count = (edge: Edge): bigint => {
    if (edge <= NONE) return edge === ALL ? 1n : 0n;
    const before = known.get(edge);
    if (before !== undefined) return before;
    const at = placeOf(edge);
    const { below } = levels[at]!;
    const parts = diagram.parts(edge);
    let sum = 0n;
    for (const [index, [from, part]] of parts.entries()) {
      const to = parts[index + 1]?.[0] ?? Number.POSITIVE_INFINITY;
      sum += (below(to) - below(from)) * count(part) * skipped(at + 1, placeOf(part));
    }
    known.set(edge, sum);
    return sum;
  };
  /** How many values the variables have together that stand between two places and are not asked. */
  const skipped = (from: number, to: number): bigint => whole[from]! / whole[to]!;
  return count(set) * skipped(0, placeOf(set));
}

function weightsOf({ field, code }: Placed, lacking: ReadonlySet<FieldName>): Weights {
  // What is lacking has the lowest number.
  if (lacking.has(field)) return (number) => (number > 0 ? 1n : 0n);
  if (code.kind !== 'intervals') {
    const size = code.kind === 'raw' ? 2 : sizeOf(code);
    return (number) => BigInt(Math.min(number, size));
  }
  const { starts, top } = code;
  return (number) => (number < starts.length ? BigInt(starts[number]!) : BigInt(top) + 1n);
}
