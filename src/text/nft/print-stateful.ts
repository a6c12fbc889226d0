import type { NftLimit, NftQuota, NftStatement } from '../../netfilter/index.ts';
import { type NftPrintOptions, printExpression } from './print-expression.ts';

/** A statement that keeps count. */
export function printStateful(statement: NftStatement, options: NftPrintOptions): string {
  switch (statement.kind) {
    case 'counter':
      return options.state ? `counter ${printCounts(statement)}` : 'counter';
    case 'limit':
      return `limit ${printRate(statement)}`;
    case 'quota':
      return `quota ${printQuota(statement, options)}`;
    case 'counter-reference':
    case 'limit-reference':
    case 'quota-reference': {
      const [word] = statement.kind.split('-');
      return `${word} name ${printExpression(statement.name, ['string'], options)}`;
    }
    case 'connection-limit':
      return `ct count ${statement.over ? 'over ' : ''}${statement.count}`;
    case 'last':
      return options.state && statement.used !== undefined ? `last used ${statement.used}` : 'last';
    case 'opaque':
      return statement.words;
    default:
      return statement.kind;
  }
}

export const printCounts = ({ packets, bytes }: { readonly packets: bigint; readonly bytes: bigint }): string =>
  `packets ${packets} bytes ${bytes}`;

/** `rate over 400/minute burst 7 packets`, without what nft takes for granted. */
export function printRate({ rate, unit, per, burst, burstUnit, over }: NftLimit): string {
  const packets = unit === 'packets';
  const amount = packets ? `${rate}/${per}` : `${rate} ${unit}/${per}`;
  const usual = burst === (packets ? 5 : 0);
  return `rate ${over ? 'over ' : ''}${amount}${usual ? '' : ` burst ${burst} ${burstUnit}`}`;
}

/** `over 25 mbytes used 3 kbytes`. */
export function printQuota({ bytes, used, over }: NftQuota, { state }: NftPrintOptions): string {
  return `${over ? 'over ' : ''}${printAmount(bytes)}${state && used > 0n ? ` used ${printAmount(used)}` : ''}`;
}

/** Bytes in the largest unit that leaves no rest. */
function printAmount(bytes: bigint): string {
  if (bytes === 0n || bytes % 1024n !== 0n) return `${bytes} bytes`;
  const kilo = bytes / 1024n;
  return kilo % 1024n === 0n ? `${kilo / 1024n} mbytes` : `${kilo} kbytes`;
}
