import type { NftExpression } from '../../netfilter/index.ts';

/** `(fin | syn)` as a mask is the list of its bits, however a release of nft writes it. */
export function asList(mask: NftExpression): NftExpression {
  const items = bitsOf(mask);
  return items && items.length > 1 ? { kind: 'list', items } : mask;
}

function bitsOf(mask: NftExpression): NftExpression[] | undefined {
  if (mask.kind === 'value') return [mask];
  if (mask.kind !== 'binary' || mask.operator !== '|') return undefined;
  const left = bitsOf(mask.left);
  const right = bitsOf(mask.right);
  return left && right && [...left, ...right];
}
