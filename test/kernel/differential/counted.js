import { compareTold, Mismatch } from './compare.ts';
/**
 * Goes along with a walk and counts as rules do; at the end no rule and no policy may have counted otherwise. Throws Mismatch
 * where one has. Where a rule is open, the walk follows the kernel.
 */
export class CountedComparison {
    #counts;
    #expected;
    #ends;
    #indexOf;
    #asked;
    #places = new Map();
    /** A rule that a packet comes to twice may match it the first time or the second: then it is not to be `asked`. */
    constructor(account, { indexOf, asked }) {
        this.#counts = account.counts;
        this.#expected = new Int32Array(account.counts.length);
        this.#ends = compareTold(account);
        this.#indexOf = indexOf;
        this.#asked = asked;
    }
    asked() { }
    matched(_walk, rule) {
        this.#count(placeOf(rule));
    }
    ranOut(_walk, { table, name }) {
        this.#count(`${table} ${name} policy`);
    }
    saw(rule) {
        const index = this.#indexOf(placeOf(rule)) ?? -1;
        const more = (this.#counts[index] ?? 0) > (this.#expected[index] ?? 0);
        return more && !this.#asked ? undefined : more;
    }
    ended(outcome, packet) {
        const known = outcome.kind !== 'unknown';
        for (const [index, expected] of this.#expected.entries()) {
            const counted = this.#counts[index];
            // Rules behind what is not known may have counted, too.
            if (known ? counted !== expected : counted < expected) {
                const place = this.#places.get(index) ?? `counter ${index}`;
                throw new Mismatch(0, `${place} has counted ${counted}`, `${place} counts ${expected}`);
            }
        }
        return this.#ends.ended(outcome, packet);
    }
    #count(place) {
        const index = this.#indexOf(place);
        if (index === undefined)
            throw new Mismatch(0, `there is no ${place}`, `${place} counts`);
        this.#expected[index] += 1;
        this.#places.set(index, place);
    }
}
const placeOf = ({ chain, number }) => `${chain.table} ${chain.name} ${number}`;
