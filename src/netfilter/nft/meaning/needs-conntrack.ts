import type { Family } from '../../../address/index.ts';
import type { Answer } from '../../predicate.ts';
import type { NftElement, NftExpression } from '../expression.ts';
import type { NftStatement } from '../statement.ts';
import { type NftTable, seesFamily } from '../table.ts';

/**
 * Whether a table, by merely being there, switches connection tracking on for the packets of a family: any `ct` expression
 * or statement, any nat statement and any object of connection tracking's does (a ct helper, a synproxy), even in a chain
 * that nothing leads to and in a dormant table; a nat chain alone, notrack, tproxy, socket and fib do not. Found by experiment; nft_ct.c, nft_nat.c: nf_ct_netns_get.
 */
export function needsConntrack(table: NftTable, family: Family): Answer {
  if (!seesFamily(table, family)) return false;
  if (table.objects.some(({ kind }) => TRACKING.has(kind))) return true;
  const statements = table.chains.flatMap(({ rules }) => rules.flatMap((rule) => rule.statements));
  let answer: Answer = false;
  for (const statement of statements) {
    if (asks(statement) && !isOfOther(statement, family)) return true;
    if (statement.kind === 'opaque' || statement.kind === 'xt') answer = 'undecided';
  }
  return answer;
}

const TRACKING: ReadonlySet<string> = new Set(['ct helper', 'ct timeout', 'ct expectation', 'synproxy']);

/** In an inet table a mapping to addresses of one family switches it on for that family. */
const isOfOther = (statement: NftStatement, family: Family): boolean =>
  (statement.kind === 'snat' || statement.kind === 'dnat') && !seesFamily(statement, family);

function asks(statement: NftStatement): boolean {
  switch (statement.kind) {
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
    case 'connection-limit':
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
    case 'synproxy':
    case 'flow':
      return true;
    case 'match':
      return reads(statement.left) || reads(statement.right);
    case 'vmap':
      return reads(statement.key);
    case 'mangle':
      return reads(statement.key) || reads(statement.value);
    case 'set':
      return reads(statement.key) || statement.statements.some(asks);
    case 'meter':
      return reads(statement.key) || asks(statement.statement);
    default:
      return false;
  }
}

function reads(expression: NftExpression): boolean {
  switch (expression.kind) {
    case 'ct':
      return true;
    case 'concat':
    case 'list':
      return expression.items.some(reads);
    case 'binary':
      return reads(expression.left) || reads(expression.right);
    case 'map':
      return reads(expression.key);
    case 'jhash':
      return reads(expression.expression);
    case 'set':
      return expression.elements.some((element: NftElement) => (element.statements ?? []).some(asks));
    default:
      return false;
  }
}
