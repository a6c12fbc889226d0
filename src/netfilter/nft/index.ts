export { asksFor, asksMeta, CLOCK_KEYS } from './asks-meta.ts';
export type {
  NftAddressFamily,
  NftElement,
  NftExpression,
  NftOpaque,
  NftOperator,
  NftSetExpression,
  NftValue,
  NftVerdict,
} from './expression.ts';
export { type Mixed, mixed, NFT_WORDS, withNft } from './mixed.ts';
export type { NftFlowtable, NftObject, NftSet, NftType } from './object.ts';
export { isSameTable } from './same.ts';
export type { NftComparison, NftLimit, NftNat, NftQuota, NftStatement } from './statement.ts';
export {
  isAnonymous,
  isFollowed,
  isNftRule,
  NFT_FAMILIES,
  type NftChain,
  type NftFamily,
  type NftHook,
  type NftRule,
  type NftTable,
  seesFamily,
} from './table.ts';
