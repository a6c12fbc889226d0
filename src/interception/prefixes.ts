import { type AddressValue, type Family, maskOf, type Prefix, type Range, widthOf } from '../address/index.ts';

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
