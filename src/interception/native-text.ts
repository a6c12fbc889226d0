import type { NftTable } from '../netfilter/index.ts';
import { parseNft } from '../text/index.ts';
import type { NativeTable } from './interception.ts';

/**
 * Native tables as nft takes them, without counters.
 *
 * @example nativeText(program.native) // 'table inet istio-proxy-nat {\n\tchain prerouting {…'
 */
export const nativeText = (tables: readonly NativeTable[]): string => tables.map(tableText).join('\n');

export function tableText({ name, chains }: NativeTable): string {
  const blocks = chains.map(({ name: chain, hook, rules }) => {
    const lines = [...(hook === undefined ? [] : [hook]), ...rules.map(({ words }) => words)];
    return `\tchain ${chain} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
  });
  return `table inet ${name} {\n${blocks.join('\n')}}\n`;
}

/** The same as a model: what the kernel will hold. */
export const nativeModel = (tables: readonly NativeTable[]): readonly NftTable[] =>
  tables.length === 0 ? [] : parseNft(nativeText(tables), { source: 'the rules to write' });
