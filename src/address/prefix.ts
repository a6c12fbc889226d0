import { type AddressValue, type Family, highest, widthOf } from './family.ts';
import { formatAddress, parseAddress, parseIpv4 } from './ip.ts';

/**
 * An address under a mask, as iptables keeps it: the mask may have holes (`10.0.0.1/255.0.255.0`).
 * `value` holds no bits outside `mask`.
 */
export interface Prefix {
  readonly family: Family;
  readonly value: AddressValue;
  readonly mask: AddressValue;
}

/** The mask with `length` leading ones. */
export function maskOf(family: Family, length: number): AddressValue {
  if (family === 'ipv4') return length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0;
  return ((1n << BigInt(length)) - 1n) << BigInt(128 - length);
}

/** The prefix length of a mask, or undefined when the mask has holes. */
export function lengthOf(family: Family, mask: AddressValue): number | undefined {
  if (family === 'ipv4') {
    const length = Math.clz32(~Number(mask));
    return maskOf(family, length) === mask ? length : undefined;
  }
  lengths ??= new Map(Array.from({ length: 129 }, (_, length) => [maskOf(family, length), length]));
  return lengths.get(mask);
}

/** Of IPv6 masks, made when the first is asked for. */
let lengths: ReadonlyMap<AddressValue, number> | undefined;

/** The prefix of one address alone (/32, /128). */
export const hostPrefix = (family: Family, value: AddressValue): Prefix => ({ family, value, mask: highest(family) });

/**
 * Reads `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fe80::/10` or a bare address. Host bits are cleared, as the kernel does.
 *
 * @example formatPrefix(parsePrefix('10.1.2.3/8')!) // '10.0.0.0/8'
 */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const { family } = address;
  const mask = slash < 0 ? highest(family) : parseMask(family, text.slice(slash + 1));
  if (mask === undefined) return undefined;
  return { family, value: masked(address.value, mask), mask };
}

function parseMask(family: Family, text: string): AddressValue | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= widthOf(family) ? maskOf(family, Number(text)) : undefined;
  if (family === 'ipv4') return parseIpv4(text);
  const address = parseAddress(text);
  return address?.family === 'ipv6' ? address.value : undefined;
}

/** `value & mask`, for both widths. */
export function masked(value: AddressValue, mask: AddressValue): AddressValue {
  if (typeof value === 'bigint' || typeof mask === 'bigint') return BigInt(value) & BigInt(mask);
  return (value & mask) >>> 0;
}

/** Whether the prefix holds the address. */
export const contains = (prefix: Prefix, value: AddressValue): boolean => masked(value, prefix.mask) === prefix.value;

/** Writes a prefix as iptables-save does: always with a length, or with a dotted mask where the mask has holes. */
export function formatPrefix({ family, value, mask }: Prefix): string {
  const length = lengthOf(family, mask);
  return `${formatAddress(family, value)}/${length ?? formatAddress(family, mask)}`;
}
