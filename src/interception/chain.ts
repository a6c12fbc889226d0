import type { AddressValue, Family, Range } from '../address/index.ts';
import {
  type Assignment,
  bitsOf,
  chainOf,
  conditionsOf,
  type Effect,
  effectOf,
  type FieldBits,
  fieldWidth,
  type HookName,
  type MeaningContext,
  type Rule,
  type RuleSet,
  spanOf,
  type TableName,
} from '../netfilter/index.ts';
import { intersection } from './box.ts';
import { type Batch, split, valuesNow, withValues } from './split.ts';
import { loopbackOf } from './world.ts';

/** Where a rule stands. */
export interface Place {
  readonly table: TableName;
  readonly chain: string;
  /** One-based. */
  readonly number: number;
}

/** How a connection was turned to another socket than the one it was sent to. */
export interface Turned {
  readonly how: 'REDIRECT' | 'DNAT' | 'TPROXY';
  /** Absent where the packet keeps its own port. */
  readonly port?: number;
  /** DNAT and TPROXY's --on-ip: the address. */
  readonly address?: AddressValue;
  readonly by: Place;
}

/**
 * Whether a connection that was turned ended at a proxy here: a REDIRECT and TPROXY always do, a DNAT where it names a
 * loopback address. Any other DNAT goes to another host or pod, which is no interception.
 */
export function isToProxy({ how, address }: Turned, family: Family): boolean {
  if (how !== 'DNAT') return true;
  return address !== undefined && intersection([[address, address]], [loopbackOf(family)]).length > 0;
}

/** A batch on its way: what has been done to it so far. */
export interface Traveller extends Batch {
  readonly turned?: Turned;
  /** The rules that ended a chain or table for them (RETURN, ACCEPT, DROP …), in the order in which they acted. */
  readonly trail: readonly Place[];
}

/** How a batch ends. */
export type Verdict = 'arrives' | 'dropped' | 'rejected' | 'unknown';

/** One walk of a world through the tables. */
export interface Walk {
  readonly family: Family;
  /** What of sets is looked at. */
  readonly sets?: MeaningContext['sets'];
  /** Takes a batch whose fate is known. */
  settle(one: Traveller, verdict: Verdict): void;
  /** Set once the rules prove too many; the walk's fates then mean nothing. */
  tooMany: boolean;
}

/** One table at one hook. */
export interface TableRun {
  readonly walk: Walk;
  readonly rules: RuleSet;
  readonly table: TableName;
  readonly hook: HookName;
  /** 2: over the loopback device. */
  readonly pass: 1 | 2;
  /** Takes those that this table lets pass. */
  readonly accepted: Traveller[];
}

/** Those that go back to the calling chain, and those that go on with the next rule. */
interface Acted {
  readonly returned: readonly Traveller[];
  readonly goingOn: readonly Traveller[];
}

const NOBODY: Acted = { returned: [], goingOn: [] };

/** More parts than this at once, and the rules are no interception that can be told in a few lines. */
const TOO_MANY = 400;

/** The kernel refuses loops; a listing may hold one all the same. */
const DEEPEST = 64;

/** Runs a chain and gives those that fall off its end or return to its caller. */
export function runChain(
  run: TableRun,
  name: string,
  travellers: readonly Traveller[],
  depth: number,
): readonly Traveller[] {
  const { walk } = run;
  const rules = chainOf(run.rules, run.table, name)?.rules;
  if (!rules || depth > DEEPEST) {
    for (const one of travellers) walk.settle(one, 'unknown');
    return [];
  }
  let going = travellers;
  const back: Traveller[] = [];
  for (const [index, rule] of rules.entries()) {
    if (going.length === 0 || walk.tooMany) break;
    const effect = effectOf(rule.target, walk.family);
    // A rule that changes nothing (a counter, a LOG) need not be decided.
    if (effect.kind === 'continue' && effect.assign.length === 0) continue;
    const { yes, no } = divide(rule, going, walk);
    const place: Place = { table: run.table, chain: name, number: index + 1 };
    const acted = yes.length === 0 ? NOBODY : act(run, effect, yes, place, depth);
    back.push(...acted.returned);
    going = [...acted.goingOn, ...no];
    if (going.length + back.length > TOO_MANY) walk.tooMany = true;
  }
  return [...back, ...going];
}

function divide(rule: Rule, travellers: readonly Traveller[], { family, sets }: Walk) {
  const of = conditionsOf(rule, family, sets).map(({ predicate }) => predicate);
  const yes: Traveller[] = [];
  const no: Traveller[] = [];
  for (const one of travellers) {
    const parts = split(one, { kind: 'all', of }, family);
    yes.push(...parts.yes.map((part) => ({ ...one, ...part })));
    no.push(...parts.no.map((part) => ({ ...one, ...part })));
  }
  return { yes, no };
}

function act(run: TableRun, effect: Effect, travellers: readonly Traveller[], place: Place, depth: number): Acted {
  const { walk } = run;
  const marked = travellers.map((one) => ({ ...one, trail: [...one.trail, place] }));
  switch (effect.kind) {
    case 'continue':
      return { returned: [], goingOn: travellers.map((one) => assign(run, one, effect.assign)) };
    case 'accept':
      run.accepted.push(...marked);
      return NOBODY;
    case 'drop':
    case 'reject':
      for (const one of marked) walk.settle(one, effect.kind === 'drop' ? 'dropped' : 'rejected');
      return NOBODY;
    case 'return':
      return { returned: marked, goingOn: [] };
    case 'jump':
      return { returned: [], goingOn: runChain(run, effect.chain, travellers, depth + 1) };
    case 'goto':
      return { returned: runChain(run, effect.chain, travellers, depth + 1), goingOn: [] };
    case 'nat':
      run.accepted.push(...travellers.map((one) => mapped(run, one, effect, place)));
      return NOBODY;
    case 'tproxy':
      run.accepted.push(...travellers.map((one) => handed(run, one, effect, place)));
      return NOBODY;
    case 'queue':
    case 'unknown':
      for (const one of marked) walk.settle(one, 'unknown');
      return NOBODY;
  }
}

/** After a nat target. Only a new destination is of interest here. */
function mapped(run: TableRun, one: Traveller, effect: Extract<Effect, { kind: 'nat' }>, by: Place): Traveller {
  const maps = run.hook === 'PREROUTING' || run.hook === 'OUTPUT' ? 'destination' : 'source';
  if (effect.change === 'source' || maps === 'source') return one;
  const { address, ports } = effect;
  const here = address === 'here';
  const loopback: AddressValue = run.walk.family === 'ipv4' ? 0x7f00_0001 : 1n;
  // In PREROUTING a REDIRECT goes to the interface's own address, which the rules do not tell.
  const span: Range | undefined = typeof address === 'object' ? spanOf(address, run.walk.family) : undefined;
  const own: Range | undefined = here && run.hook === 'OUTPUT' ? [loopback, loopback] : undefined;
  // Of several addresses the first stands for all; a whole network is too wide for that.
  const to = own ?? (span && typeof address === 'object' && 'mask' in address ? span : span && [span[0], span[0]]);
  const port = ports?.[0];
  let after: Batch = one;
  if (port !== undefined) after = withValues(after, 'destinationPort', [[port, port]]);
  if (to !== undefined) after = withValues(after, 'destination', [to]);
  // A socket that TPROXY has found keeps the connection; only what it was sent to is told otherwise.
  if (one.turned?.how === 'TPROXY') return { ...one, ...after };
  const turned: Turned = {
    how: here ? 'REDIRECT' : 'DNAT',
    by,
    ...(port === undefined ? {} : { port }),
    ...(here || to === undefined ? {} : { address: to[0] }),
  };
  return { ...one, ...after, turned };
}

/** After TPROXY: the packet is as it was, but for its mark. */
function handed(run: TableRun, one: Traveller, effect: Extract<Effect, { kind: 'tproxy' }>, by: Place): Traveller {
  const { port, address, mark } = effect;
  const turned: Turned = {
    how: 'TPROXY',
    by,
    ...(port === 0 ? {} : { port }),
    ...(address === undefined ? {} : { address }),
  };
  const set: readonly Assignment[] = mark ? [{ field: 'mark', keep: ~mark.mask >>> 0, xor: mark.value }] : [];
  return { ...assign(run, one, set), turned };
}

function assign(run: TableRun, one: Traveller, assignments: readonly Assignment[]): Traveller {
  const known = (of: Batch, field: Assignment['field']): number | undefined =>
    single(valuesNow(of, field, run.walk.family));
  let after: Batch = one;
  for (const { field, keep, xor, add = 0 } of assignments) {
    // Zones decide nothing here, and what raw says of tracking on the second pass is ignored: netfilter-semantics 11.
    if (field === 'ctzone' || (field === 'ctstate' && run.pass === 2)) continue;
    const before = keep === 0 ? 0 : known(after, field);
    const other = typeof xor === 'number' ? xor : xor === 'unknown' ? undefined : bitsIn(known(after, xor.field), xor);
    const last = 2 ** fieldWidth(field, run.walk.family) - 1;
    const value =
      before === undefined || other === undefined
        ? undefined
        : Math.min(last, Math.max(0, (((before & keep) ^ other) >>> 0) + add));
    after = withValues(after, field, value === undefined ? [[0, last]] : [[value, value]]);
  }
  return { ...one, ...after };
}

const bitsIn = (value: number | undefined, of: FieldBits): number | undefined =>
  value === undefined ? undefined : bitsOf(value, of);

function single(ranges: readonly Range[]): number | undefined {
  const [range] = ranges;
  return ranges.length === 1 && range && range[0] === range[1] ? Number(range[0]) : undefined;
}
