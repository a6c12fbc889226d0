import { type Assignment, type Bits, bitsOf, type FieldName, fieldWidth } from '../netfilter/index.ts';
import { type Current, constant, type Environment, OPEN, sameAs } from './environment.ts';
import type { Space } from './space.ts';

/** What fields become by assignments. */
export class Currents {
  readonly #space: Space;

  constructor(space: Space) {
    this.#space = space;
  }

  /** What a field is now; what nobody asks for is as usual. */
  now({ fields }: Environment, field: FieldName): Current {
    const current = fields.get(field) ?? sameAs(field);
    if (current.kind !== 'of' || this.#space.domain.fields.has(current.field)) return current;
    const usual = this.#space.usual[current.field];
    return usual === undefined ? OPEN : constant(usual);
  }

  /** What a field is after an assignment. */
  assigned(environment: Environment, { field, keep, xor, add = 0 }: Assignment): Current {
    const before = this.now(environment, field);
    const kept = keep === 0 ? constant(0) : bitsUnder(before, { mask: keep });
    const operand = this.#operand(environment, xor);
    const mixed = kept && operand && together(kept, operand);
    if (!mixed) return OPEN;
    const highest = 2 ** fieldWidth(field, this.#space.domain.family) - 1;
    if (mixed.kind === 'const') return constant(Math.min(highest, Math.max(0, Number(mixed.value) + add)));
    return add === 0 ? mixed : OPEN;
  }

  #operand(environment: Environment, xor: Assignment['xor']): Current | undefined {
    if (typeof xor === 'number') return constant(xor >>> 0);
    if (xor === 'unknown') return undefined;
    return bitsUnder(this.now(environment, xor.field), xor);
  }
}

/** The bits under the mask, moved. */
function bitsUnder(current: Current, bits: Bits): Current | undefined {
  if (current.kind === 'open' || current.kind === 'case') return undefined;
  if (current.kind === 'const') return constant(bitsOf(Number(current.value), bits));
  const { field, add, shift = 0 } = current;
  if (add || (shift && bits.shift)) return undefined;
  const [keep, xor] = [bitsOf(current.keep ?? -1, bits), bitsOf(current.xor ?? 0, bits)];
  const moved = shift || bits.shift || 0;
  if (keep === 0) return constant(xor);
  if (moved === 0 && keep === 0xffff_ffff && xor === 0) return { kind: 'of', field };
  return { kind: 'of', field, keep, xor, ...(moved === 0 ? {} : { shift: moved }) };
}

/** Two numbers of which no bit hangs on the packet in both, added bit by bit without carry. */
function together(one: Current, other: Current): Current | undefined {
  if (one.kind === 'open' || other.kind === 'open' || one.kind === 'case' || other.kind === 'case') return undefined;
  if (one.kind === 'const' && other.kind === 'const') return constant((Number(one.value) ^ Number(other.value)) >>> 0);
  if (one.kind === 'const') return together(other, one);
  if (other.kind === 'const') {
    const xor = ((one.xor ?? 0) ^ Number(other.value)) >>> 0;
    return xor === 0 && one.keep === undefined ? one : { ...one, keep: (one.keep ?? -1) >>> 0, xor };
  }
  const [a, b] = [(one.keep ?? -1) >>> 0, (other.keep ?? -1) >>> 0];
  if (one.field !== other.field || one.shift !== other.shift || (a & b) !== 0) return undefined;
  return { ...one, keep: (a | b) >>> 0, xor: ((one.xor ?? 0) ^ (other.xor ?? 0)) >>> 0 };
}
