import { type AddressValue, type Family, maskOf, type Prefix, type Range, union, widthOf } from '../address/index.ts';

/** The fewest prefixes that together hold exactly the addresses of these ranges. */
export function prefixesOf(ranges: readonly Range[], family: Family): Prefix[] {
  return ranges.flatMap(([low, high]) => prefixesOfRange(BigInt(low), BigInt(high), family));
}

function prefixesOfRange(low: bigint, high: bigint, family: Family): Prefix[] {
  const width = widthOf(family);
  const back = (value: bigint): AddressValue => (family === 'ipv4' ? Number(value) : value);
  const prefixes: Prefix[] = [];
  for (let from = low; from <= high; ) {
    // The largest block that begins here, is aligned, and does not reach beyond the range.
    let bits = 0;
    while (bits < width) {
      const size = 1n << BigInt(bits + 1);
      if (from % size !== 0n || from + size - 1n > high) break;
      bits += 1;
    }
    prefixes.push({ family, value: back(from), mask: maskOf(family, width - bits) });
    from += 1n << BigInt(bits);
  }
  return prefixes;
}

/** Prefixes, and those inside them that do not belong. */
export interface PrefixSet {
  readonly only: readonly Prefix[];
  readonly except: readonly Prefix[];
}

/**
 * A set of addresses as people write it: few prefixes, and what is left out of them. Gaps are bridged, the smallest first,
 * as long as naming the gap takes fewer prefixes than naming what lies on either side of it.
 *
 * @example 10.0.0.0/8 without 10.1.0.0/16, which as prefixes alone would be eight
 */
export function prefixSetOf(ranges: readonly Range[], family: Family): PrefixSet {
  let best: PrefixSet = { only: prefixesOf(ranges, family), except: [] };
  const gaps = ranges.slice(1).map(([low], index) => {
    const from = BigInt(ranges[index]?.[1] ?? 0) + 1n;
    return { index, from, to: BigInt(low) - 1n };
  });
  const bySize = [...gaps].sort((a, b) => (a.to - a.from < b.to - b.from ? -1 : 1));
  for (let bridged = 1; bridged <= bySize.length; bridged += 1) {
    const filled = bySize.slice(0, bridged);
    const only = prefixesOf(union([...ranges, ...filled.map((gap) => rangeOf(gap, family))]), family);
    const except = prefixesOf(
      filled.sort((a, b) => a.index - b.index).map((gap) => rangeOf(gap, family)),
      family,
    );
    if (only.length + except.length < best.only.length + best.except.length) best = { only, except };
  }
  return best;
}

const rangeOf = ({ from, to }: { readonly from: bigint; readonly to: bigint }, family: Family): Range =>
  family === 'ipv4' ? [Number(from), Number(to)] : [from, to];
