/** An inclusive range of ports; one port has equal ends. */
export type PortRange = readonly [low: number, high: number];

/** Reads a port number from 0 to 65535 in decimal, or undefined. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

/**
 * Reads `80`, `80:90`, `80-90`, `:1023` or `1024:` (the separator is a parameter, because iptables writes `:` in a match
 * and `-` in a nat target). Undefined where it is not one, or where the first port is above the second.
 */
export function parsePortRange(text: string, separator: ':' | '-' = ':'): PortRange | undefined {
  const at = text.indexOf(separator);
  if (at < 0) {
    const port = parsePort(text);
    return port === undefined ? undefined : [port, port];
  }
  const low = at === 0 ? 0 : parsePort(text.slice(0, at));
  const high = at === text.length - 1 ? 65535 : parsePort(text.slice(at + 1));
  if (low === undefined || high === undefined || low > high) return undefined;
  return [low, high];
}

/** Writes a port range: one number where both ends are equal. */
export const formatPortRange = ([low, high]: PortRange, separator: ':' | '-' = ':'): string =>
  low === high ? String(low) : `${low}${separator}${high}`;
