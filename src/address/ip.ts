import type { AddressValue, Family } from './family.ts';

/** An address with its family. */
export interface Address {
  readonly family: Family;
  readonly value: AddressValue;
}

/**
 * Reads an IPv4 address in dotted form or an IPv6 address in any form of RFC 4291 §2.2.
 * Returns undefined for anything else: octets over 255, leading zeros (which inet_aton would read as octal), zones.
 *
 * @example parseAddress('::ffff:10.0.0.1')?.value // 0xffff0a000001n
 */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (value === undefined) return undefined;
  return { family: typeof value === 'number' ? 'ipv4' : 'ipv6', value };
}

/** The value of a dotted IPv4 address, or undefined. */
export function parseIpv4(text: string): number | undefined {
  // By hand and not by a pattern: large rule sets hold hundreds of thousands of addresses.
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (digits === 0 || dots === 3) return undefined;
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      dots += 1;
    } else {
      // A leading zero would be octal to some.
      if (code < 48 || code > 57 || (digits > 0 && octet === 0)) return undefined;
      octet = octet * 10 + code - 48;
      digits += 1;
      if (octet > 255) return undefined;
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : undefined;
}

/** The value of an IPv6 address, or undefined. */
export function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : readGroups(half)));
  const [head, tail] = groups;
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const count = head.length + (tail?.length ?? 0);
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const all = [...head, ...new Array<number>(8 - count).fill(0), ...(tail ?? [])];
  return all.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function readGroups(text: string): number[] | undefined {
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(v4 >>> 16, v4 & 0xffff);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/**
 * Writes an address as the kernel's tools do (inet_ntop, RFC 5952; IPv4-mapped addresses keep their dotted part).
 *
 * @example formatAddress('ipv6', 1n) // '::1'
 */
export function formatAddress(family: Family, value: AddressValue): string {
  return family === 'ipv4' ? formatIpv4(Number(value)) : formatIpv6(BigInt(value));
}

/** Every octet as text. */
const OCTETS = Array.from({ length: 256 }, (_, octet) => String(octet));
const DOTTED = OCTETS.map((octet) => `${octet}.`);

const formatIpv4 = (value: number): string =>
  DOTTED[value >>> 24]! + DOTTED[(value >>> 16) & 255]! + DOTTED[(value >>> 8) & 255]! + OCTETS[value & 255]!;

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  // The longest run of two or more zero groups, the first of equals, becomes "::".
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  // inet_ntop keeps the dotted form for IPv4-mapped (::ffff:a.b.c.d) and IPv4-compatible (::a.b.c.d) addresses.
  const mapped = best.at === 0 && ((best.length === 5 && groups[5] === 0xffff) || best.length === 6);
  const words = groups.map((group) => group.toString(16));
  if (mapped) words.splice(6, 2, formatIpv4(Number(value & 0xffff_ffffn)));
  if (best.at < 0) return words.join(':');
  return `${words.slice(0, best.at).join(':')}::${words.slice(best.at + best.length).join(':')}`;
}
