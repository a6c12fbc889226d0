import { type AddressValue, masked, previous, type Range, union } from '../../../address/index.ts';
import { fieldWidth } from '../../fields.ts';
import {
  all,
  choice,
  hasAnyBit,
  hasBits,
  is,
  isIn,
  NEVER,
  not,
  type Predicate,
  some,
  unknown,
} from '../../predicate.ts';
import type { NftElement, NftExpression } from '../expression.ts';
import type { NftComparison, NftStatement } from '../statement.ts';
import type { NftContext } from './context.ts';
import { leadsBy } from './leading.ts';
import { constantOf, interfaceName, rangeOf } from './operand.ts';
import type { Subject } from './subject.ts';

/** `LEFT OPERATOR RIGHT`, without what the left side needs. */
export function compare(
  subject: Subject,
  operator: NftComparison,
  right: NftExpression,
  context: NftContext,
): Predicate {
  switch (operator) {
    case '==':
      return equals(subject, right, context);
    case '!=':
      return not(equals(subject, right, context));
    case 'in':
      return hasOneOf(subject, right);
    case '!':
      return not(hasOneOf(subject, right));
    case '<':
    case '>=':
      return turned(operator === '>=', below(subject, right, context, false));
    case '<=':
    case '>':
      return turned(operator === '>', below(subject, right, context, true));
  }
}

const turned = (whether: boolean, predicate: Predicate): Predicate => (whether ? not(predicate) : predicate);

const notUnderstood = (because = 'what it is compared with is not followed'): Predicate => unknown(because);

/** The subject has the value, lies in the range, or is a member of the set. */
export function equals(subject: Subject, to: NftExpression, context: NftContext): Predicate {
  if (subject.kind === 'unknown') return unknown(subject.because);
  switch (to.kind) {
    case 'any':
      return { kind: 'always' };
    case 'set':
      return anyOf(to.elements.map((element) => isElement(subject, element, context)));
    case 'set-reference':
      return isMember(subject, to.name, context);
    default:
      return isValue(subject, to, context);
  }
}

/** A member of a set of the table, which rules may add to while packets pass. */
function isMember(subject: Subject, name: string, context: NftContext): Predicate {
  const set = context.sets.get(name);
  if (!set) return unknown(`there is no set ${JSON.stringify(name)} in the table`);
  const members = anyOf(set.elements.map((element) => isElement(subject, element, context)));
  if (!context.written.has(name) && !set.flags.includes('dynamic')) return members;
  return some(members, unknown(`rules add to the set ${JSON.stringify(name)} while packets pass`));
}

/** An element's key fits, and what the element has for itself lets the packet pass. */
export const isElement = (subject: Subject, { key, statements = [] }: NftElement, context: NftContext): Predicate =>
  all(equals(subject, key, context), ...statements.map((statement) => lets(statement, context)));

/** What statements that count may answer. */
export function lets(statement: NftStatement, context: NftContext): Predicate {
  switch (statement.kind) {
    case 'limit':
    case 'quota':
    case 'limit-reference':
    case 'quota-reference':
    case 'connection-limit': {
      const what = statement.kind === 'connection-limit' ? 'the number of connections' : 'what has passed so far';
      return choice(`${statement.kind} ${context.next()}`, `it hangs on ${what}`);
    }
    default:
      return { kind: 'always' };
  }
}

function isValue(subject: Subject, to: NftExpression, context: NftContext): Predicate {
  switch (subject.kind) {
    case 'unknown':
      return unknown(subject.because);
    case 'concat': {
      if (to.kind !== 'concat' || to.items.length !== subject.parts.length) return notUnderstood();
      return all(...subject.parts.map((part, index) => equals(part, to.items[index]!, context)));
    }
    case 'name': {
      const name = interfaceName(to);
      if (!name) return notUnderstood();
      // Without an interface its number is 0; a number that nft finds no name for belongs to none that is there.
      if (subject.whole && /^\d+$/.test(name.text)) {
        return name.text === '0' ? { kind: 'name', field: subject.field, text: '', prefix: false } : NEVER;
      }
      return { kind: 'name', field: subject.field, text: name.text, prefix: name.prefix && !subject.whole };
    }
    case 'leading':
      return leadsBy(subject, to, context.devices) ?? notUnderstood();
    default: {
      const range = rangeOf(to, subject.type);
      return range ? within(subject, range) : notUnderstood();
    }
  }
}

type Valued = Extract<Subject, { readonly kind: 'field' | 'cases' | 'choice' }>;

/** The value lies in the range, both ends included. */
function within(subject: Valued, [low, high]: Range): Predicate {
  switch (subject.kind) {
    case 'choice':
      if (low <= subject.low && high >= subject.high) return { kind: 'always' };
      return high < subject.low || low > subject.high ? NEVER : choice(`${subject.id} ${low}-${high}`, subject.because);
    case 'cases':
      return some(
        ...subject.cases
          .filter((of) => of.high >= low && of.low <= high)
          .map((of) => (of.low >= low && of.high <= high ? of.when : all(of.when, notUnderstood(of.because)))),
      );
    case 'field': {
      const { field, mask, other } = subject;
      if (other) {
        const plain = { kind: 'field', field, type: subject.type, needs: subject.needs } as const;
        return some(all(not(other.when), within(plain, [low, high])), all(other.when, unknown(other.because)));
      }
      // Of a connection's status the bits that matter are followed, not all of them.
      if (field === 'ctstatus') return unknown('not all bits of the connection’s status are followed');
      if (field === 'time') return untilWithin(low, high);
      if (subject.beyond !== undefined)
        return isIn(field, [Number(low) + subject.beyond, Number(high) + subject.beyond]);
      if (mask === undefined) return isIn(field, [low, high]);
      if (low !== high) return notUnderstood();
      return masked(low, mask) === low ? hasBits(field, mask, low) : NEVER;
    }
  }
}

/**
 * A time from `low` to `high`, which nft compares in nanoseconds: within the last second only its very beginning counts, and a
 * packet's time is known in seconds.
 */
const untilWithin = (low: AddressValue, high: AddressValue): Predicate =>
  some(
    low < high ? isIn('time', [low, previous(high)]) : NEVER,
    all(is('time', high), unknown('nft compares nanoseconds, and the packet’s time is known in seconds')),
  );

/** One of the bits is set. */
function hasOneOf(subject: Subject, right: NftExpression): Predicate {
  if (subject.kind === 'unknown') return unknown(subject.because);
  const bits = subject.kind === 'field' ? constantOf(right, subject.type) : undefined;
  if (subject.kind !== 'field' || bits === undefined) return notUnderstood();
  return hasAnyBit(subject.field, Number(subject.mask === undefined ? bits : masked(bits, subject.mask)));
}

function below(subject: Subject, right: NftExpression, { family }: NftContext, included: boolean): Predicate {
  if (subject.kind === 'unknown') return unknown(subject.because);
  if (subject.kind === 'name' || subject.kind === 'concat' || subject.kind === 'leading') return notUnderstood();
  const limit = constantOf(right, subject.type);
  if (limit === undefined) return notUnderstood();
  const top = included ? limit : previous(limit);
  if (top < 0) return NEVER;
  if (subject.kind === 'field' && subject.field === 'time' && !included) return isIn('time', [0, top]);
  const whole = subject.kind === 'field' && top >= highestOf(fieldWidth(subject.field, family));
  return whole ? { kind: 'always' } : within(subject, [typeof limit === 'bigint' ? 0n : 0, top]);
}

const highestOf = (width: number): AddressValue => (width > 53 ? (1n << BigInt(width)) - 1n : 2 ** width - 1);

/** One of them holds; values of one field become one list of its ranges, so that it is read once. */
export function anyOf(predicates: readonly Predicate[]): Predicate {
  type In = Extract<Predicate, { readonly kind: 'in' }>;
  const ranges = new Map<In['field'], Range[]>();
  const rest: Predicate[] = [];
  for (const predicate of predicates) {
    if (predicate.kind === 'in')
      ranges.set(predicate.field, [...(ranges.get(predicate.field) ?? []), ...predicate.ranges]);
    else rest.push(predicate);
  }
  return some(...[...ranges].map(([field, list]) => isIn(field, ...union(list))), ...rest);
}
