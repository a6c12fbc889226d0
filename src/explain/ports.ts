import type { PortRange } from '../address/index.ts';

const LAST = 65535;

/**
 * All ports but these, which are sorted and apart; single ports may stand for ranges.
 *
 * @example allBut([[1, 79], 443]) // [[0, 0], [80, 442], [444, 65535]]
 */
export function allBut(ports: readonly (PortRange | number)[]): readonly PortRange[] {
  const ranges = ports.map((one): PortRange => (typeof one === 'number' ? [one, one] : one));
  ranges.sort(([one], [other]) => one - other);
  const begins = [0, ...ranges.map(([, high]) => high + 1)];
  const ends = [...ranges.map(([low]) => low - 1), LAST];
  return begins.flatMap((begin, at): PortRange[] => (begin <= ends[at]! ? [[begin, ends[at]!]] : []));
}
