/** Numbers that look random and are the same for the same seed (xorshift32). */
export interface Random {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  /** True once in `times`. */
  oneIn(times: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Up to `most` different items, at least one if there is any, in a random order. */
  some<T>(items: readonly T[], most: number): T[];
  /** All of them in a random order. */
  shuffle<T>(items: readonly T[]): T[];
}

export function seeded(seed: number): Random {
  let state = (Math.imul(seed, 2654435761) + 1) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let warm = 0; warm < 5; warm += 1) next();
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit);
  const take = <T>(items: readonly T[], count: number): T[] => {
    const left = [...items];
    return Array.from({ length: count }, () => left.splice(below(left.length), 1)[0]!);
  };
  return {
    below,
    oneIn: (times) => below(times) === 0,
    pick: (items) => items[below(items.length)]!,
    some: (items, most) => take(items, items.length === 0 ? 0 : 1 + below(Math.min(most, items.length))),
    shuffle: (items) => take(items, items.length),
  };
}
