import type { Effect } from '../../../effect.ts';
import { ALWAYS, all, type Predicate, unknown } from '../../../predicate.ts';
import { untracked } from '../../../target/ct.ts';
import type { NftExpression } from '../../expression.ts';
import type { NftStatement } from '../../statement.ts';
import { type Act, always, condition } from '../act.ts';
import { compare, lets } from '../compare.ts';
import type { NftContext } from '../context.ts';
import { leads } from '../lookup.ts';
import { subjectOf } from '../read/index.ts';
import { mangleActs } from './mangle.ts';
import { natAct } from './nat.ts';
import { rejectAct } from './reject.ts';
import { tproxyAct } from './tproxy.ts';
import { verdictEffect } from './verdict.ts';
import { vmapAct } from './vmap.ts';

const notKnown = (because: string): Effect => ({ kind: 'unknown', because });

/** What a statement does; nothing where it changes nothing that a packet's walk hangs on (`counter`, `log`). */
export function statementActs(statement: NftStatement, context: NftContext): readonly Act[] {
  switch (statement.kind) {
    case 'match': {
      const subject = subjectOf(statement.left, context);
      const holds = compare(subject, statement.operator, statement.right, context);
      return [condition(nameOf(statement.left), all(subject.needs, holds))];
    }
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
      return [always(statement.kind, verdictEffect(statement))];
    case 'vmap':
      return [vmapAct(statement.key, statement.data, context)];
    case 'limit':
    case 'quota':
    case 'limit-reference':
    case 'quota-reference':
    case 'connection-limit':
      return [condition(statement.kind, lets(statement, context))];
    case 'meter':
      return [condition('meter', all(keyed(statement.key, context), lets(statement.statement, context)))];
    case 'set': {
      const room = takes(statement, context);
      return [condition('set', all(room, ...statement.statements.map((part) => lets(part, context))))];
    }
    case 'reject':
      return [rejectAct(statement, context)];
    case 'mangle':
      return mangleActs(statement.key, statement.value, context);
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return [natAct(statement, context)];
    case 'tproxy':
      return [tproxyAct(statement, context)];
    case 'notrack':
      return [always('notrack', untracked)];
    case 'queue':
      return [always('queue', { kind: 'queue' })];
    case 'fwd':
      return [always('fwd', notKnown('the packet is sent out by another interface'))];
    case 'synproxy':
      return [always('synproxy', notKnown('the kernel answers for the listener'))];
    case 'xt':
      // What is only said asks for nothing.
      if (statement.name === 'comment') return [];
      return statement.type === 'target'
        ? [always(statement.name, notKnown(statement.because))]
        : [condition(statement.name, unknown(statement.because))];
    case 'opaque':
      return [always('?', notKnown(statement.because))];
    case 'counter-reference':
      // The rule ends where the map leads to none.
      return statement.name.kind === 'map' ? [condition('counter', leads(statement.name, context))] : [];
    case 'counter':
    case 'last':
    case 'log':
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
    case 'dup':
    case 'flow':
    case 'reset':
      return [];
  }
}

/** What a key asks for: a packet without it ends the rule. */
const keyed = (key: NftExpression, context: NftContext): Predicate => subjectOf(key, context).needs;

/** Whether a set takes what is added to it: it may be full. Source: net/netfilter/nft_dynset.c. */
function takes(
  { operation, set, key }: Extract<NftStatement, { readonly kind: 'set' }>,
  context: NftContext,
): Predicate {
  const name = set.replace(/^@/, '');
  const size = context.sets.get(name)?.size;
  const room =
    operation === 'delete' || size === undefined
      ? ALWAYS
      : unknown(`whether the set ${name}, of ${size} elements, has room is not known`);
  return all(keyed(key, context), room);
}

/** What the left side of a match is called: `tcp dport`, `meta mark`, `ip saddr . tcp dport`. */
function nameOf(expression: NftExpression): string {
  switch (expression.kind) {
    case 'payload':
      return `${expression.protocol} ${expression.field}`;
    case 'meta':
    case 'ct':
    case 'socket':
    case 'rt':
      return `${expression.kind} ${expression.key}`;
    case 'concat':
      return expression.items.map(nameOf).join(' . ');
    case 'binary':
      return nameOf(expression.left);
    default:
      return expression.kind;
  }
}
