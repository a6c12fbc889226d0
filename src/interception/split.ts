import { type Family, lengthOf, masked, type Range, union } from '../address/index.ts';
import { compile, type NameField, type Packet, type Predicate, type ValueField } from '../netfilter/index.ts';
import {
  assigned,
  type Box,
  countOf,
  intersection,
  namesWithin,
  namesWithout,
  narrowed,
  outside,
  sameRanges,
  valuesOf,
} from './box.ts';

/**
 * Packets on their way that have fared alike so far. `sent` is what they looked like when they set out; `now` holds the
 * fields that a rule (or the loopback device) has changed since. `doubts`: conditions that could not be decided and were
 * taken both ways.
 */
export interface Batch {
  readonly sent: Box;
  readonly now: Box;
  readonly doubts: readonly string[];
}

/** The part of a batch that a condition holds for, and the part that it does not hold for. */
export interface Split {
  readonly yes: readonly Batch[];
  readonly no: readonly Batch[];
}

/** A field of few values is looked at value by value; above this it has to be ranges. */
const FEW = 64;

/** Splits a batch by a condition. What cannot be decided goes both ways, with the reason. */
export function split(batch: Batch, predicate: Predicate, family: Family): Split {
  switch (predicate.kind) {
    case 'always':
      return { yes: [batch], no: [] };
    case 'never':
      return { yes: [], no: [batch] };
    case 'choice':
    case 'unknown':
      return undecided(batch, predicate.because);
    case 'member':
      return split(batch, predicate.meaning, family);
    case 'not': {
      const { yes, no } = split(batch, predicate.of, family);
      return { yes: no, no: yes };
    }
    case 'all':
      return splitAll(batch, predicate.of, family);
    case 'some': {
      const { yes, no } = splitAll(
        batch,
        predicate.of.map((of) => ({ kind: 'not', of })),
        family,
      );
      return { yes: no, no: yes };
    }
    case 'name':
      return splitNames(batch, predicate.field, predicate.prefix ? `${predicate.text}+` : predicate.text);
    case 'in':
      return splitValues(batch, predicate.field, union(predicate.ranges), family);
    case 'bits':
    case 'any-bit': {
      const ranges = rangesOf(batch, predicate, family);
      return ranges
        ? splitValues(batch, predicate.field, ranges, family)
        : undecided(batch, `the ${predicate.field} is not followed bit by bit`);
    }
  }
}

/** A condition that cannot hold for any of the batch spares it from being cut up by the others. */
function splitAll(batch: Batch, conditions: readonly Predicate[], family: Family): Split {
  const open: Predicate[] = [];
  for (const condition of conditions) {
    const { yes, no } = split(batch, condition, family);
    if (yes.length === 0) return { yes: [], no: [batch] };
    if (no.length > 0) open.push(condition);
  }
  let yes: readonly Batch[] = [batch];
  const no: Batch[] = [];
  for (const condition of open) {
    const parts = yes.map((part) => split(part, condition, family));
    yes = parts.flatMap((part) => part.yes);
    no.push(...parts.flatMap((part) => part.no));
  }
  return { yes, no };
}

const undecided = (batch: Batch, because: string): Split => {
  const both = batch.doubts.includes(because) ? batch : { ...batch, doubts: [...batch.doubts, because] };
  return { yes: [both], no: [both] };
};

/** The values of a field as a packet of this batch now has them. */
export const valuesNow = (batch: Batch, field: ValueField, family: Family): readonly Range[] =>
  batch.now.values[field] ?? valuesOf(batch.sent, field, family);

/** The batch with a field set anew. */
export const withValues = (batch: Batch, field: ValueField, ranges: readonly Range[]): Batch => ({
  ...batch,
  now: assigned(batch.now, field, ranges),
});

function splitValues(batch: Batch, field: ValueField, ranges: readonly Range[], family: Family): Split {
  const rewritten = batch.now.values[field];
  if (rewritten) {
    // What a rule wrote says nothing of what was sent: all of it, none of it, or not known.
    const inside = intersection(rewritten, ranges);
    if (inside.length === 0) return { yes: [], no: [batch] };
    if (sameRanges(inside, rewritten)) return { yes: [batch], no: [] };
    return undecided(batch, `the ${field} after it was rewritten`);
  }
  const part = (of: readonly Range[]): Batch[] => {
    const sent = narrowed(batch.sent, field, of, family);
    return sent ? [sent === batch.sent ? batch : { ...batch, sent }] : [];
  };
  return { yes: part(ranges), no: part(outside(ranges, field, family)) };
}

function splitNames(batch: Batch, field: NameField, pattern: string): Split {
  const rewritten = batch.now.names[field];
  const names = rewritten ?? batch.sent.names[field] ?? { except: [] };
  const [inside, without] = [namesWithin(names, pattern), namesWithout(names, pattern)];
  if (rewritten) {
    if (!inside) return { yes: [], no: [batch] };
    return without ? undecided(batch, `the ${field}going interface after it changed`) : { yes: [batch], no: [] };
  }
  const part = (of: typeof names | undefined): Batch[] =>
    of
      ? [of === names ? batch : { ...batch, sent: { ...batch.sent, names: { ...batch.sent.names, [field]: of } } }]
      : [];
  return { yes: part(inside), no: part(without) };
}

/** The values for which a condition on bits holds, as ranges, where they can be had. */
function rangesOf(
  batch: Batch,
  predicate: Extract<Predicate, { kind: 'bits' | 'any-bit' }>,
  family: Family,
): Range[] | undefined {
  const { field } = predicate;
  const now = valuesNow(batch, field, family);
  if (countOf(now, FEW) <= FEW) {
    const test = compile(predicate);
    const values = now.flatMap(([low, high]) =>
      Array.from({ length: Number(high) - Number(low) + 1 }, (_, index) =>
        typeof low === 'bigint' ? low + BigInt(index) : low + index,
      ),
    );
    return values
      .filter((value) => test({ [field]: value } as unknown as Packet) === true)
      .map((value) => [value, value]);
  }
  if (predicate.kind === 'bits') {
    const { mask, value } = predicate;
    const isAddress = typeof mask === 'bigint' || field === 'source' || field === 'destination';
    // A mask without holes is a range: its value, with the bits below all 0 to all 1.
    if (isAddress && lengthOf(family, mask) !== undefined) {
      if (masked(value, mask) !== value) return [];
      return [
        [
          value,
          typeof value === 'bigint' ? value | (~BigInt(mask) & ((1n << 128n) - 1n)) : (value | ~Number(mask)) >>> 0,
        ],
      ];
    }
  }
  return undefined;
}
