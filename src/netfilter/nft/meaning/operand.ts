import { type AddressValue, type Family, masked, maskOf } from '../../../address/index.ts';
import type { NftExpression } from '../expression.ts';
import type { Datatype } from './datatype.ts';

/** A constant as a number; flags of a list or joined by `|` are or-ed. Undefined where it is none. */
export function constantOf(expression: NftExpression, type: Datatype): AddressValue | undefined {
  switch (expression.kind) {
    case 'value': {
      const { value } = expression;
      if (typeof value === 'boolean') return value ? 1 : 0;
      return typeof value === 'string' ? type(value) : value;
    }
    case 'list':
      return joined(expression.items, type);
    case 'binary':
      return expression.operator === '|' ? joined([expression.left, expression.right], type) : undefined;
    default:
      return undefined;
  }
}

function joined(items: readonly NftExpression[], type: Datatype): AddressValue | undefined {
  let bits = 0;
  for (const item of items) {
    const value = constantOf(item, type);
    if (value === undefined) return undefined;
    bits |= Number(value);
  }
  return bits >>> 0;
}

/** A value, a range or a prefix. Undefined where it is not known what it stands for. */
export function rangeOf(
  expression: NftExpression,
  type: Datatype,
): readonly [low: AddressValue, high: AddressValue] | undefined {
  switch (expression.kind) {
    case 'range': {
      const low = constantOf(expression.low, type);
      const high = constantOf(expression.high, type);
      return low === undefined || high === undefined ? undefined : [low, high];
    }
    case 'prefix': {
      const value = constantOf(expression.address, type);
      return value === undefined ? undefined : prefixRange(value, expression.length);
    }
    default: {
      const value = constantOf(expression, type);
      return value === undefined ? undefined : [value, value];
    }
  }
}

function prefixRange(value: AddressValue, length: number): readonly [AddressValue, AddressValue] {
  const family: Family = typeof value === 'bigint' ? 'ipv6' : 'ipv4';
  const low = masked(value, maskOf(family, length));
  const rest = maskOf(family, length);
  return typeof low === 'bigint'
    ? [low, low | ((1n << BigInt(128 - length)) - 1n)]
    : [low, (low | (~Number(rest) >>> 0)) >>> 0];
}

/** How nft writes the name of an interface: a star at its end takes every ending. */
export function interfaceName(
  expression: NftExpression,
): { readonly text: string; readonly prefix: boolean } | undefined {
  if (expression.kind !== 'value' || typeof expression.value === 'boolean') return undefined;
  const value = String(expression.value);
  if (value.endsWith('\\*')) return { text: `${value.slice(0, -2)}*`, prefix: false };
  return value.endsWith('*') ? { text: value.slice(0, -1), prefix: true } : { text: value, prefix: false };
}
