import type { NftElement, NftExpression, NftVerdict } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { list, number, only, optional, type Part, required, text, unfit } from '../json.ts';
import { readExpression } from './json-expression.ts';
import { elementStatements } from './json-statement.ts';

/** An element of a set or a map: a key, a pair of key and value, either of them in an `elem` with what belongs to it. */
export function readElement(part: Part): NftElement {
  if (Array.isArray(part.value)) {
    const [first, second, ...more] = list(part, (item) => item);
    if (!first || !second || more.length > 0) return unfit(part, 'a list of a key and a value');
    return { ...readElement(first), data: readData(second) };
  }
  const inside = hasOnly(part, 'elem');
  if (!inside) return { key: readExpression(part) };
  return {
    key: readExpression(required(inside, 'val')),
    ...given('timeout', optional(inside, 'timeout', number)),
    ...given('expires', optional(inside, 'expires', number)),
    ...given('comment', optional(inside, 'comment', text)),
    ...given('statements', elementStatements(inside)),
  };
}

/** What stands under the only property of an object, if it is called so. */
export function hasOnly(part: Part, wanted: string): Part | undefined {
  const { value } = part;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, wanted)) return undefined;
  return Object.keys(value).length === 1 ? only(part).inside : undefined;
}

function readData(part: Part): NftExpression | NftVerdict {
  return readVerdict(part) ?? readExpression(part);
}

const PLAIN = ['accept', 'drop', 'continue', 'return'] as const;

/** A verdict, or undefined where the part is none. */
export function readVerdict(part: Part): NftVerdict | undefined {
  for (const kind of PLAIN) if (hasOnly(part, kind)) return { kind };
  for (const kind of ['jump', 'goto'] as const) {
    const inside = hasOnly(part, kind);
    if (inside) return { kind, chain: text(required(inside, 'target')) };
  }
  return undefined;
}
