import type { AddressValue } from '../../../address/index.ts';
import type { NameField, ValueField } from '../../fields.ts';
import { ALWAYS, not, type Predicate } from '../../predicate.ts';
import { type Datatype, integer } from './datatype.ts';

/** One of the few values that an expression can have, and when it has it. */
export interface Case {
  readonly low: number;
  readonly high: number;
  readonly when: Predicate;
  /** Why it is not known which of them it has, where they are many. */
  readonly because?: string;
}

/**
 * What an expression reads of a packet. `needs` is what has to hold for it to be there at all (a port asks for its protocol,
 * an owner for a socket): where it does not, the rule ends, even one that asks for "not equal".
 */
export type Subject = { readonly needs: Predicate } & (
  | {
      readonly kind: 'field';
      readonly field: ValueField;
      readonly type: Datatype;
      /** Only these bits of it are looked at. */
      readonly mask?: AddressValue;
      /** The field is so much more: a packet's length counts the headers before the one that is asked. */
      readonly beyond?: number;
      /** Where this holds, it is another value than the field's, which is not known. */
      readonly other?: { readonly when: Predicate; readonly because: string };
    }
  | { readonly kind: 'name'; readonly field: NameField /** By its number: no pattern. */; readonly whole: boolean }
  | { readonly kind: 'cases'; readonly type: Datatype; readonly cases: readonly Case[] }
  /** The kernel chooses a value from `low` to `high`. */
  | {
      readonly kind: 'choice';
      readonly id: string;
      readonly because: string;
      readonly type: Datatype;
      readonly low: number;
      readonly high: number;
    }
  /** The interface by which the source would be answered, or the destination reached; `same`: or none, unless it is the one that the packet came in by. */
  | {
      readonly kind: 'leading';
      /** Whether it is the same, known without the interfaces' numbers: of the source only. */
      readonly back?: 'fibWayBack' | 'markedFibWayBack';
      readonly field: 'fibSource' | 'markedFibSource' | 'fibDestination' | 'markedFibDestination';
      readonly same: boolean;
      /** Its number, and not its name. */
      readonly number: boolean;
    }
  | { readonly kind: 'concat'; readonly parts: readonly Subject[] }
  | { readonly kind: 'unknown'; readonly because: string }
);

/** Words for what is read, for reasons: `meta cgroup`, `ip ttl`. */
export const notFollowed = (what: string, needs: Predicate = ALWAYS): Subject => ({
  kind: 'unknown',
  needs,
  because: `${what} is not followed`,
});

/** What the kernel knows and nothing tells, in a clause's subject: `the mark of the socket`. */
export const notKnown = (what: string, needs: Predicate = ALWAYS): Subject => ({
  kind: 'unknown',
  needs,
  because: `${what} is not known`,
});

/** Whether something is there, which is asked by `exists` and `missing`, 1 and 0. */
export const presence = (there: Predicate, needs: Predicate = ALWAYS): Subject => ({
  kind: 'cases',
  type: integer,
  needs,
  cases: [
    { low: 0, high: 0, when: not(there) },
    { low: 1, high: 1, when: there },
  ],
});

export const field = (name: ValueField, type: Datatype, needs: Predicate = ALWAYS): Subject => ({
  kind: 'field',
  field: name,
  type,
  needs,
});

/** A number that the kernel has and nobody else knows. */
export const anyNumber = (id: string, because: string, needs: Predicate = ALWAYS): Subject => ({
  kind: 'choice',
  id,
  because,
  type: integer,
  needs,
  low: 0,
  high: Number.MAX_SAFE_INTEGER,
});

/** A value that is the same for every packet of the family. */
export const constant = (type: Datatype, value: number): Subject => ({
  kind: 'cases',
  type,
  needs: ALWAYS,
  cases: [{ low: value, high: value, when: ALWAYS }],
});
