import { type NftExpression, nftSymbols } from '../../netfilter/index.ts';
import type { Types } from './read-expression.ts';

/** Types of which nft's JSON writes the numbers in quotes. */
const QUOTED: ReadonlySet<string | undefined> = new Set(['iface_index', 'realm', 'devgroup']);

/**
 * What nft's JSON shows in other words than its text: interfaces by index and realms are digits in quotes there, and both
 * ends of a range have names where the text has numbers.
 *
 * @example icmp type 0-8: { range: ['echo-reply', 'echo-request'] } → { range: [0, 8] }
 */
export function asNumbers(expression: NftExpression, types: Types): NftExpression {
  switch (expression.kind) {
    case 'value': {
      const { value } = expression;
      return typeof value === 'string' && QUOTED.has(types[0]) && /^\d{1,10}$/.test(value)
        ? { kind: 'value', value: Number(value) }
        : expression;
    }
    case 'range':
      return { ...expression, low: end(expression.low, types), high: end(expression.high, types) };
    case 'concat':
      return { ...expression, items: expression.items.map((item, index) => asNumbers(item, [types[index]])) };
    case 'set':
      return {
        ...expression,
        elements: expression.elements.map((one) => ({ ...one, key: asNumbers(one.key, types) })),
      };
    default:
      return expression;
  }
}

function end(expression: NftExpression, types: Types): NftExpression {
  const value = expression.kind === 'value' && typeof expression.value === 'string' ? expression.value : undefined;
  const number = value === undefined ? undefined : nftSymbols(types[0] ?? '')?.(value);
  return number === undefined ? asNumbers(expression, types) : { kind: 'value', value: number };
}
