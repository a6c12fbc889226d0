import type { AddressValue } from '../../../../address/index.ts';
import type { Assignment, Effect } from '../../../effect.ts';
import type { ValueField } from '../../../fields.ts';
import { ALWAYS, is, type Predicate, unknown } from '../../../predicate.ts';
import { TCP } from '../../../protocol.ts';
import type { NftExpression, NftVerdict } from '../../expression.ts';
import { type Act, type Alternative, condition } from '../act.ts';
import type { NftContext } from '../context.ts';
import { integer } from '../datatype.ts';
import { lookUp } from '../lookup.ts';
import { constantOf } from '../operand.ts';
import { subjectOf } from '../read/index.ts';

/** Header fields that decide where a packet goes: who rewrites them by hand is not followed. */
const DECIDING: ReadonlySet<string> = new Set(['saddr', 'daddr', 'sport', 'dport', 'protocol', 'nexthdr', 'flags']);

/** `KEY set VALUE`: marks and zones. What changes nothing that a walk looks at is no act at all. */
export function mangleActs(key: NftExpression, value: NftExpression, context: NftContext): readonly Act[] {
  const field = fieldOf(key);
  const part = `${partOf(key)} set`;
  if (field) return [{ part, alternatives: alternativesOf(field, value, context) }];
  // Without the option nothing is set, and the rule goes on. Source: net/netfilter/nft_exthdr.c.
  if (key.kind === 'tcp option') return [condition(part, is('protocol', TCP))];
  if (key.kind !== 'payload') return [];
  // A header that the packet does not have ends the rule.
  const subject = subjectOf(key, context);
  if (subject.kind === 'field' && HOPS_AND_CLASS.has(subject.field)) {
    const to = constantOf(value, subject.type);
    return [{ part, alternatives: [{ when: subject.needs, effect: sets(subject.field, to) }] }];
  }
  if (!DECIDING.has(key.field)) return [condition(part, subject.needs)];
  const because = `it rewrites ${key.protocol} ${key.field}`;
  return [{ part, alternatives: [{ when: subject.needs, effect: { kind: 'unknown', because } }] }];
}

/** Header fields that decide nothing but what other rules see. */
const HOPS_AND_CLASS: ReadonlySet<ValueField> = new Set(['ttl', 'dscp', 'ecn']);

const partOf = (key: NftExpression): string =>
  key.kind === 'meta' || key.kind === 'ct'
    ? `${key.kind} ${key.key}`
    : key.kind === 'payload'
      ? `${key.protocol} ${key.field}`
      : key.kind;

function fieldOf(key: NftExpression): ValueField | undefined {
  if (key.kind === 'meta') return key.key === 'mark' ? 'mark' : undefined;
  if (key.kind !== 'ct') return undefined;
  if (key.key === 'mark') return 'ctmark';
  // The zone of one direction only: a new connection's packet goes in its original one.
  return key.key === 'zone' && key.direction !== 'reply' ? 'ctzone' : undefined;
}

function alternativesOf(field: ValueField, value: NftExpression, context: NftContext): readonly Alternative[] {
  if (value.kind === 'map') {
    const lookup = lookUp(value.key, value.data, context);
    if ('because' in lookup) return [{ when: unknown(lookup.because), effect: sets(field, undefined) }];
    return lookup.found.map(({ when, data }) => ({ when, effect: constantEffect(field, data) }));
  }
  const copy = copyOf(value, context);
  if (!copy && field !== 'ctzone') return [{ when: ALWAYS, effect: sets(field, undefined) }];
  if (!copy) return [{ when: ALWAYS, effect: { kind: 'unknown', because: 'the value that it sets is not followed' } }];
  return [{ when: copy.needs, effect: { kind: 'continue', assign: assignments(field, copy) } }];
}

function constantEffect(field: ValueField, data: NftExpression | NftVerdict): Effect {
  const value = isExpression(data) ? constantOf(data, integer) : undefined;
  if (value === undefined) return { kind: 'unknown', because: 'the value that the map leads to is not followed' };
  return sets(field, value);
}

/** The rule goes on, and the field has this value; undefined: nobody knows which. */
const sets = (field: ValueField, to: AddressValue | undefined): Effect => ({
  kind: 'continue',
  assign: [{ field, keep: 0, xor: to === undefined ? 'unknown' : Number(to) }],
});

const isExpression = (data: NftExpression | NftVerdict): data is NftExpression => data.kind === 'value';

/** `(source & mask) ^ xor`; without a source `xor` alone. */
interface Copy {
  readonly needs: Predicate;
  readonly source?: { readonly field: ValueField; readonly mask: number };
  readonly xor: number;
}

function copyOf(value: NftExpression, context: NftContext): Copy | undefined {
  const constant = constantOf(value, integer);
  if (constant !== undefined) return { needs: ALWAYS, xor: Number(constant) };
  if (value.kind === 'binary') {
    const left = copyOf(value.left, context);
    const right = constantOf(value.right, integer);
    return left && right !== undefined ? combined(left, value.operator, Number(right)) : undefined;
  }
  const subject = subjectOf(value, context);
  if (subject.kind !== 'field' || subject.beyond !== undefined || subject.field === 'time') return undefined;
  return { needs: subject.needs, source: { field: subject.field, mask: 0xffff_ffff }, xor: 0 };
}

function combined(copy: Copy, operator: string, by: number): Copy | undefined {
  const under = (mask: number, xor: number): Copy => ({
    ...copy,
    ...(copy.source ? { source: { ...copy.source, mask: (copy.source.mask & mask) >>> 0 } } : {}),
    xor: ((copy.xor & mask) ^ xor) >>> 0,
  });
  switch (operator) {
    case '&':
      return under(by, 0);
    case '|':
      return under(~by >>> 0, by);
    case '^':
      return under(0xffff_ffff, by);
    default:
      return undefined;
  }
}

function assignments(field: ValueField, { source, xor }: Copy): readonly Assignment[] {
  if (!source) return [{ field, keep: 0, xor }];
  if (source.field === field) return [{ field, keep: source.mask, xor }];
  const copied: Assignment = { field, keep: 0, xor: source };
  return xor === 0 ? [copied] : [copied, { field, keep: 0xffff_ffff, xor }];
}
