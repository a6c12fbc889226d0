import type { NftExpression, NftNat, NftStatement } from '../../netfilter/index.ts';
import { type NftPrintOptions, printExpression } from './print-expression.ts';

/** `dnat ip prefix to ADDRESS:PORT random,persistent`. */
export function printNat(nat: NftNat, options: NftPrintOptions): string {
  const { kind, family, flags, typeFlags } = nat;
  const words = [kind, ...(family === undefined ? [] : [family]), ...typeFlags];
  const destination = printDestination(nat, options);
  if (destination !== '') words.push('to', destination);
  if (flags.length > 0) words.push(flags.join(','));
  return words.join(' ');
}

type Tproxy = Extract<NftStatement, { kind: 'tproxy' }>;

export const printTproxy = (statement: Tproxy, options: NftPrintOptions): string =>
  `tproxy${statement.family === undefined ? '' : ` ${statement.family}`} to ${printDestination(statement, options)}`;

function printDestination(
  { address, port }: { readonly address?: NftExpression; readonly port?: NftExpression },
  options: NftPrintOptions,
): string {
  const behind = port ? `:${printExpression(port, ['inet_service'], options)}` : '';
  if (!address) return behind;
  if (port && address.kind === 'range') {
    return `${inBrackets(address.low, options)}-${inBrackets(address.high, options)}${behind}`;
  }
  return `${port ? inBrackets(address, options) : printExpression(address, [], options)}${behind}`;
}

/** An IPv6 address stands in brackets before a port. */
function inBrackets(address: NftExpression, options: NftPrintOptions): string {
  const text = printExpression(address, [], options);
  return address.kind === 'value' && text.includes(':') ? `[${text}]` : text;
}
