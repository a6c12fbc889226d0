import type { AddressValue, Family } from '../address/index.ts';
import { type Assignment, CTSTATE, eachLeaf, type FieldName, type Leaf, type ValueField } from '../netfilter/index.ts';
import { type CompiledChain, type Ground, isIdle, LOOPBACK, type NamePattern, namesFor } from '../trace/parts.ts';
import { Boundaries, madeOf, topOf } from './boundaries.ts';
import { type Code, levelsFor } from './code.ts';
import { type Edges, edgesOf, effectsIn } from './edges.ts';
import { chainsOf, leavesOf } from './rules.ts';

/** Which packets are looked at: those that come from other hosts, or those that this host sends. */
export type Direction = 'in' | 'out';

/** A field's place among the diagram's variables. */
export interface Placed {
  readonly field: FieldName;
  readonly code: Code;
  /** Its first variable, and how many it has: one, or one a bit. */
  readonly first: number;
  readonly levels: number;
}

/** The packets that all rule sets under comparison tell apart, field by field. */
export interface Domain {
  readonly family: Family;
  readonly direction: Direction;
  readonly fields: ReadonlyMap<FieldName, Placed>;
  /** How many variables the fields have; those of what is not known come after them. */
  readonly variables: number;
  /** What interface names that nobody wrote stand for: `eth+`, or '' for any that is named nowhere. */
  readonly standIns: ReadonlyMap<string, string>;
}

/** In this order they stand in the diagram: sets of large firewalls are small so. */
const ORDER: readonly FieldName[] = [
  ...(['in', 'out', 'ctstate', 'owned', 'source', 'sourceMac', 'destination', 'protocol', 'fragment'] as const),
  ...(['icmpType', 'icmpCode', 'sourcePort', 'destinationPort', 'tcpFlags', 'uid', 'gid', 'mark'] as const),
  ...(['ttl', 'length', 'dscp', 'ecn', 'spi', 'headers', 'packetType', 'ipsec'] as const),
];

/**
 * Where a large firewall sends packets to a chain for each host, the address by which it does so is asked for first: else every
 * set would hold the hosts once for each of the others' rules.
 */
function orderFor(grounds: readonly Ground[]): readonly FieldName[] {
  // Very many rules that lead to the same chain are no way into it: kube-proxy marks packets of each endpoint so.
  const [bySource, byDestination] = [new Set<CompiledChain>(), new Set<CompiledChain>()];
  for (const { program } of grounds)
    for (const { rules } of chainsOf(program))
      for (let at = 0; at < rules.length; at += 1) {
        const rule = rules[at]!;
        const { target } = rule;
        if (!target) continue;
        eachLeaf(rule.predicate, ({ field }) => {
          if (field === 'source') bySource.add(target);
          else if (field === 'destination') byDestination.add(target);
        });
      }
  if (byDestination.size <= bySource.size) return ORDER;
  const others = ORDER.filter((field) => field !== 'destination' && field !== 'in');
  const at = others.indexOf('source');
  return [...others.slice(0, at), 'destination', 'in', ...others.slice(at)];
}

/** A condition on a field that is asked of every packet, which sets are to hold to exactly. */
export type Cut = Extract<Leaf, { readonly kind: 'in' }> & {
  readonly field: 'source' | 'destination' | 'protocol' | 'destinationPort';
};

/** What the way through the kernel asks of every packet, whatever the rules. */
const ALWAYS_ASKED: readonly FieldName[] = ['source', 'destination', 'protocol', 'destinationPort'];

/**
 * Finds out what the rules of all grounds together tell apart in packets of a direction.
 *
 * @param cuts what has to be told apart besides
 */
export function domainOf(grounds: readonly Ground[], direction: Direction, cuts: readonly Cut[] = []): Domain {
  const [{ program } = never()] = grounds;
  const { family } = program;
  const boundaries = new Boundaries(family, grounds.some(takesPacketsWord));
  const names: NamePattern[] = [];
  const asked = new Set<FieldName>(ALWAYS_ASKED);
  leavesOf(grounds.map((ground) => ground.program)).forEach((leaf) => {
    if (leaf.kind === 'name') names.push(leaf);
    else boundaries.addLeaf(leaf);
  });
  for (const ground of grounds) readGround(ground, edgesOf(ground), boundaries);
  for (const ground of grounds) for (const field of askedBy(ground, direction)) asked.add(field);
  for (const cut of cuts) boundaries.addLeaf(cut);
  const known = grounds.flatMap(({ host }) => host.interfaces.map(({ name }) => ({ text: name, prefix: false })));
  // What one hook sees as the outgoing interface may be what another sees as the incoming one.
  const standIns = namesFor([...known, ...names]);
  const fields = new Map<FieldName, Placed>();
  let first = 0;
  for (const field of orderFor(grounds)) {
    if (!asked.has(field)) continue;
    const code = codeOf(field, family, boundaries, namesOf(grounds, standIns, names, direction, field));
    const levels = levelsFor(code);
    fields.set(field, { field, code, first, levels });
    first += levels;
  }
  return { family, direction, fields, variables: first, standIns };
}

function never(): never {
  throw new Error('there are no rules to look at');
}

function readGround(ground: Ground, edges: Edges, boundaries: Boundaries): void {
  for (const [field, ranges] of edges) for (const range of ranges) boundaries.addRange(field as ValueField, range);
  for (const effect of effectsIn(ground)) {
    // What keeps some bits of a field and turns others makes a number of it that is known bit by bit.
    if (effect.kind === 'continue') {
      for (const { field, keep, add } of effect.assign)
        if (keep !== 0 && !add) for (const of of madeOf(field)) boundaries.raw.add(of);
    }
    if (effect.kind !== 'nat' || !Array.isArray(effect.address)) continue;
    const range = effect.address as readonly [AddressValue, AddressValue];
    boundaries.addRange('source', range);
    boundaries.addRange('destination', range);
  }
}

function askedBy(ground: Ground, direction: Direction): Set<FieldName> {
  const { program, host, handed } = ground;
  const asked = new Set<FieldName>([...program.reads].flatMap(madeOf));
  for (const { asks } of host.rules) for (const field of asks) asked.add(field);
  if (handed.size > 0) asked.add('mark');
  // Where no interfaces are known, a packet may go on or leave by any.
  if (!host.known) asked.add('out');
  else asked.delete('out');
  if (program.conntrack !== false) asked.add('ctstate');
  if (direction === 'in') {
    asked.add('in');
    // Whether a packet is sent on hangs on its hops: it does not hang on those that it came with where a rule gives it others.
    if (effectsIn(ground).some((effect) => effect.kind === 'continue' && effect.assign.some(givesHops)))
      asked.add('ttl');
    for (const field of ['owned', 'uid', 'gid'] as const) asked.delete(field);
  } else for (const field of ['in', 'sourceMac'] as const) asked.delete(field);
  asked.delete('fragment');
  return asked;
}

const givesHops = ({ field, add }: Assignment): boolean => field === 'ttl' && add === undefined;

const STATES = [CTSTATE.NEW, CTSTATE.ESTABLISHED, CTSTATE.RELATED, CTSTATE.INVALID, CTSTATE.UNTRACKED];

function codeOf(field: FieldName, family: Family, boundaries: Boundaries, names: readonly string[]): Code {
  if (field === 'in' || field === 'out') return { kind: 'values', values: names };
  if (field === 'ctstate') return { kind: 'values', values: STATES };
  const top = topOf(field, family);
  if (boundaries.raw.has(field))
    return { kind: 'raw', width: typeof top === 'bigint' ? 128 : Math.round(Math.log2(top + 1)) };
  return { kind: 'intervals', starts: boundaries.startsOf(field), top };
}

/** Names that an interface may have where the packet begins; '' for none: routes decide. */
function namesOf(
  grounds: readonly Ground[],
  standIns: ReadonlyMap<string, string>,
  patterns: readonly NamePattern[],
  direction: Direction,
  field: FieldName,
): readonly string[] {
  if (field !== 'in' && field !== 'out') return [];
  const [{ host } = never()] = grounds;
  const names = [...standIns.keys()].filter((name) => name !== '');
  // A machine whose interfaces are known has no others.
  const here = grounds.every((ground) => ground.host.known)
    ? new Set(grounds.flatMap(({ host: { interfaces } }) => interfaces.map(({ name }) => name)))
    : undefined;
  if (field === 'in') return names.filter((name) => name !== LOOPBACK && (here?.has(name) ?? true));
  // A machine of which only rules are known is a router where they say so.
  if (direction === 'in' && grounds.every((ground) => !forwards(ground))) return [''];
  // Where no rule asks for it, one interface is as good as another, but for what IPv6 does not send on to another link.
  if (grounds.every(({ program }) => !program.reads.has('out')) && host.family === 'ipv4')
    return direction === 'in' ? ['', host.card] : [''];
  if (direction === 'in') return ['', ...names.filter((name) => name !== LOOPBACK)];
  // A sender's packets leave by the card that is taken for granted, or by one that a rule names.
  const written = names.filter((name) => name !== LOOPBACK && name !== host.card && standIns.get(name) !== '');
  const other = patterns.some(({ text, prefix }) => (prefix ? host.card.startsWith(text) : host.card === text));
  return ['', ...written, ...(other ? names.filter((name) => standIns.get(name) === '') : [])];
}

/** Whether packets from elsewhere may be sent on: rules stand where that is done, nat sends them to others, or there are cards for it. */
export function maySendOn(ground: Ground): boolean {
  if (ground.forwards === false) return false;
  if (ground.host.known) return ground.host.interfaces.some(({ name }) => name !== LOOPBACK);
  return (
    forwards(ground) ||
    effectsIn(ground).some(
      (effect) => effect.kind === 'nat' && effect.change === 'destination' && Array.isArray(effect.address),
    )
  );
}

/** Whether any rule stands where packets are sent on. */
const forwards = ({ program: { plan } }: Ground): boolean =>
  plan.FORWARD.first.some((part) =>
    part.kind === 'native' ? !isIdle(part.base) : part.kind === 'table' && !part.idle,
  );

/** Where no interfaces are known, nat takes this host's address from the packet. */
const takesPacketsWord = (ground: Ground): boolean =>
  !ground.host.known && effectsIn(ground).some((effect) => effect.kind === 'nat' && typeof effect.address === 'string');
