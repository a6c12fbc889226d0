import type { Packet } from '../../../src/netfilter/index.ts';
import type { Outcome, Witness } from '../../../src/trace/index.ts';
import type { Account } from './account.ts';
import { type Comparing, compareTold, Mismatch } from './compare.ts';

type Base = Parameters<Witness['asked']>[1];
type Rule = Parameters<Witness['matched']>[1];

/** Where a packet ended, and how often each rule of the legacy back end has counted it. */
export interface Counted extends Account {
  readonly counts: Int32Array;
}

/**
 * Goes along with a walk and counts as rules do; at the end no rule and no policy may have counted otherwise. Throws Mismatch
 * where one has. Where a rule is open, the walk follows the kernel.
 */
export class CountedComparison implements Comparing {
  readonly #counts: Int32Array;
  readonly #expected: Int32Array;
  readonly #ends: Comparing;
  readonly #indexOf: (place: string) => number | undefined;
  readonly #asked: boolean;
  readonly #places = new Map<number, string>();

  /** A rule that a packet comes to twice may match it the first time or the second: then it is not to be `asked`. */
  constructor(
    account: Counted,
    { indexOf, asked }: { readonly indexOf: (place: string) => number | undefined; readonly asked: boolean },
  ) {
    this.#counts = account.counts;
    this.#expected = new Int32Array(account.counts.length);
    this.#ends = compareTold(account);
    this.#indexOf = indexOf;
    this.#asked = asked;
  }

  asked(): void {}

  matched(_walk: unknown, rule: Rule): void {
    this.#count(placeOf(rule));
  }

  ranOut(_walk: unknown, { table, name }: Base): void {
    this.#count(`${table} ${name} policy`);
  }

  saw(rule: Rule): boolean | undefined {
    const index = this.#indexOf(placeOf(rule)) ?? -1;
    const more = (this.#counts[index] ?? 0) > (this.#expected[index] ?? 0);
    return more && !this.#asked ? undefined : more;
  }

  ended(outcome: Outcome, packet: Packet): string | undefined {
    const known = outcome.kind !== 'unknown';
    for (const [index, expected] of this.#expected.entries()) {
      const counted = this.#counts[index]!;
      // Rules behind what is not known may have counted, too.
      if (known ? counted !== expected : counted < expected) {
        const place = this.#places.get(index) ?? `counter ${index}`;
        throw new Mismatch(0, `${place} has counted ${counted}`, `${place} counts ${expected}`);
      }
    }
    return this.#ends.ended(outcome, packet);
  }

  #count(place: string): void {
    const index = this.#indexOf(place);
    if (index === undefined) throw new Mismatch(0, `there is no ${place}`, `${place} counts`);
    this.#expected[index]! += 1;
    this.#places.set(index, place);
  }
}

const placeOf = ({ chain, number }: Rule): string => `${chain.table} ${chain.name} ${number}`;
