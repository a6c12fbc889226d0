import { type AddressValue, type Family, highest, lengthOf, type Range } from '../address/index.ts';
import { type FieldName, fieldWidth, spanOf, type ValueField } from '../netfilter/index.ts';
import { CONNECTION_ENDS } from '../trace/parts.ts';
import { type NumberLeaf, startsOf } from './code.ts';
import { kept } from './kept.ts';
import { LOOKED_UP } from './looked-up.ts';

/** The fields of the packet that comes in that a field on its way is made of. */
const MADE_OF: ReadonlyMap<FieldName, readonly FieldName[]> = new Map<FieldName, readonly FieldName[]>([
  ...Object.entries(CONNECTION_ENDS).map(([field, of]) => [field as FieldName, [of]] as const),
  ...LOOKED_UP,
  ['ctmark', ['mark']],
  ...(['ctstatus', 'ctreply', 'ctzone', 'destinationMac'] as const).map((field) => [field, []] as const),
  ...(['time', 'timeOfDay', 'weekday', 'monthDay', 'monthDayBefore', 'kernelZone'] as const).map(
    (field) => [field, []] as const,
  ),
]);

export const madeOf = (field: FieldName): readonly FieldName[] => MADE_OF.get(field) ?? [field];

/** The addresses under a mask without holes, from the first to the last; undefined where it has holes. */
export const rangeUnder = (value: AddressValue, mask: AddressValue, family: Family): Range | undefined =>
  lengthOf(family, mask) === undefined ? undefined : spanOf({ value, mask }, family);

/** The highest value of a field. */
export const topOf = (field: ValueField, family: Family): AddressValue =>
  isAddress(field) ? highest(family) : 2 ** fieldWidth(field, family) - 1;

/** Where answers about a field begin and end, and whether it has to be looked at bit by bit. */
export class Boundaries {
  readonly #family: Family;
  readonly #ranges = new Map<FieldName, Range[]>();
  readonly raw = new Set<FieldName>(['mark', 'tcpFlags', 'headers']);

  readonly #mirrored: boolean;

  /** @param mirrored a source may become what the destination is, and the other way round: what is asked of one is asked of both */
  constructor(family: Family, mirrored: boolean) {
    this.#family = family;
    this.#mirrored = mirrored;
  }

  /** The values of a field at which an interval starts, sorted; the first is 0. */
  startsOf(field: ValueField): readonly AddressValue[] {
    const zero = isAddress(field) && this.#family === 'ipv6' ? 0n : 0;
    return startsOf(this.#ranges.get(field) ?? [], zero, topOf(field, this.#family));
  }

  addRange(field: ValueField, range: Range): void {
    kept(this.#ranges, field, () => []).push(range);
  }

  /** Takes note of what a predicate asks. */
  addLeaf(leaf: NumberLeaf): void {
    if (!MADE_OF.has(leaf.field) && !(this.#mirrored && isAddress(leaf.field))) {
      this.#add(leaf.field, leaf);
      return;
    }
    const made = madeOf(leaf.field) as readonly ValueField[];
    const asked = this.#mirrored && made.some(isAddress) ? ADDRESSES : made;
    // What a kind of address or a socket is asked for says nothing of the address itself.
    if (made.includes(leaf.field) || leaf.field in CONNECTION_ENDS) for (const field of asked) this.#add(field, leaf);
  }

  #add(field: ValueField, leaf: NumberLeaf): void {
    if (leaf.kind === 'in') {
      for (let at = 0; at < leaf.ranges.length; at += 1) {
        const range = leaf.ranges[at]!;
        this.addRange(field, range);
        // Packets that are sent on have come with one hop more.
        if (field === 'ttl') this.addRange(field, [Number(range[0]) + 1, Number(range[1]) + 1]);
      }
      return;
    }
    const range =
      leaf.kind === 'bits' && isAddress(field) ? rangeUnder(leaf.value, leaf.mask, this.#family) : undefined;
    if (range) this.addRange(field, range);
    else this.raw.add(field);
  }
}

export const isAddress = (field: FieldName): boolean => field === 'source' || field === 'destination';

const ADDRESSES: readonly ValueField[] = ['source', 'destination'];
