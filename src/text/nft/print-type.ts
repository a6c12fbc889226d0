import type { NftSet, NftType } from '../../netfilter/index.ts';
import { printExpression } from './print-expression.ts';

/** `type KEY : DATA`, or `typeof` where that is known. */
export function printTypes({ key, data }: Pick<NftSet, 'key' | 'data'>): string {
  const inTypeof = key.typeof !== undefined;
  const behind = data ? ` : ${data.interval ? 'interval ' : ''}${printType(data, inTypeof)}` : '';
  return `${inTypeof ? 'typeof' : 'type'} ${printType(key, inTypeof)}${behind}`;
}

const printType = (type: NftType, inTypeof: boolean): string =>
  inTypeof && type.typeof ? printExpression(type.typeof) : type.names.join(' . ');
