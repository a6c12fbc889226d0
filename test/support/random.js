export function seeded(seed) {
    let state = (Math.imul(seed, 2654435761) + 1) >>> 0 || 1;
    const next = () => {
        state ^= state << 13;
        state >>>= 0;
        state ^= state >>> 17;
        state ^= state << 5;
        state >>>= 0;
        return state;
    };
    for (let warm = 0; warm < 5; warm += 1)
        next();
    const below = (limit) => Math.floor((next() / 0x1_0000_0000) * limit);
    const take = (items, count) => {
        const left = [...items];
        return Array.from({ length: count }, () => left.splice(below(left.length), 1)[0]);
    };
    return {
        below,
        oneIn: (times) => below(times) === 0,
        pick: (items) => items[below(items.length)],
        some: (items, most) => take(items, items.length === 0 ? 0 : 1 + below(Math.min(most, items.length))),
        shuffle: (items) => take(items, items.length),
    };
}
