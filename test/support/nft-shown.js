/** What nft's text shows and its JSON does not, or in another place: nft 1.0.6. */
const TEXT_ONLY = new Set(['typeof', 'interval', 'autoMerge', 'line', 'handle', 'expires']);
/**
 * What both of nft's ways to list a rule set show of it: handles aside (text has them with `-a` only), JSON lacks comments
 * of tables and chains, flags of tables, `dynamic`, `auto-merge`, `typeof`, the device of a chain, and fractions of seconds. What is left of timeouts changes while one looks.
 */
export const shownByBoth = (tables) => tables.map((table) => shown(named(table)));
/** JSON lists chains before rules and objects in another order than text: by name they are the same. */
function named({ chains, objects, sets, flowtables, ...table }) {
    const { comment: _, ...head } = table;
    return {
        ...head,
        flags: [],
        objects: byName(objects),
        sets: byName(sets).map(({ flags, ...set }) => ({ ...set, flags: flags.filter((one) => one !== 'dynamic').sort() })),
        flowtables: byName(flowtables),
        chains: byName(chains).map(({ comment: __, base, ...chain }) => ({
            ...chain,
            ...(base ? { base: { ...base, devices: [] } } : {}),
        })),
    };
}
const byName = (items) => [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
function shown(value) {
    if (Array.isArray(value))
        return value.map(shown);
    if (typeof value !== 'object' || value === null)
        return value;
    const entries = Object.entries(value)
        .filter(([key]) => !TEXT_ONLY.has(key))
        .map(([key, inside]) => [key, isSeconds(key, inside) ? Math.floor(inside) : shown(inside)]);
    return Object.fromEntries(entries);
}
const isSeconds = (key, value) => key === 'timeout' && typeof value === 'number';
