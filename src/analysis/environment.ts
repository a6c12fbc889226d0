import type { FieldName } from '../netfilter/index.ts';
import type { Walk } from '../trace/parts.ts';
import type { Value } from './code.ts';
import type { Edge } from './diagram.ts';
import { kept } from './kept.ts';
import { TooComplex } from './too-complex.ts';

/**
 * What a field of the packet has become on its way: a constant; one of many, told by which set the packet is in; what a field of the
 * packet as it began was, moved by `shift` bits (to the right where negative), its bits under `keep` alone and those of `xor` turned,
 * `add` added; or nobody knows.
 */
export type Current =
  | { readonly kind: 'const'; readonly value: Value }
  | Case
  | {
      readonly kind: 'of';
      readonly field: FieldName;
      readonly shift?: number;
      readonly keep?: number;
      readonly xor?: number;
      readonly add?: number;
    }
  | { readonly kind: 'open' };

/** A packet has the value that stands at the place of the set that it is in; those in none of them do not come here: they are with the first. */
export interface Case {
  readonly kind: 'case';
  readonly id: number;
  readonly sets: readonly Edge[];
  readonly values: readonly Value[];
}

export const constant = (value: Value): Current => ({ kind: 'const', value });
export const OPEN: Current = { kind: 'open' };
const SAME = new Map<FieldName, Current>();

/** Asked of every condition: what makes one that is missing is no function of its own here. */
export function sameAs(field: FieldName): Current {
  let same = SAME.get(field);
  if (!same) {
    same = { kind: 'of', field };
    SAME.set(field, same);
  }
  return same;
}

/** The interface that packets are to leave by, where nobody may ask for it. */
export const UNTOLD = '\0';

/** What the walk remembers beside the packet. */
export const STATE = [
  ...(['hook', 'pass', 'connection', 'way', 'destinationDecided', 'sourceDecided', 'destination', 'source'] as const),
  ...(['mappedBy', 'assigned', 'receiver', 'device', 'supposed', 'gateway', 'marked'] as const),
] as const;

export type State = Pick<Walk, (typeof STATE)[number]>;

export const stateOf = (walk: State): State => ({
  hook: walk.hook,
  pass: walk.pass,
  connection: walk.connection,
  way: walk.way,
  destinationDecided: walk.destinationDecided,
  sourceDecided: walk.sourceDecided,
  destination: walk.destination,
  source: walk.source,
  mappedBy: walk.mappedBy,
  assigned: walk.assigned,
  receiver: undefined,
  device: walk.device,
  supposed: walk.supposed,
  gateway: walk.gateway,
  marked: walk.marked,
});

/**
 * What has become of a set of packets on their way, beside what they were when they began: fields that are no longer theirs, and
 * what the walk remembers. Equal ones are one object.
 */
export interface Environment {
  readonly id: number;
  readonly fields: ReadonlyMap<FieldName, Current>;
  readonly state: State;
}

/** What has been written to packets, and to what the walk remembers. */
export interface Changes {
  readonly fields: ReadonlyMap<FieldName, Current>;
  readonly state: Partial<State>;
}

/** For one rule set more are not made: rules that set mark after mark would have one for each combination. */
const MOST = 60_000;

/** Makes environments, equal ones once. Throws TooComplex. */
export class Environments {
  readonly #known = new Map<string, Environment>();
  #cases = 0;
  #most = MOST;

  /** Another rule set is followed. */
  begin(): void {
    this.#most = this.#known.size + MOST;
  }

  /** What makes an environment that of these fields and this state. */
  keyOf(fields: ReadonlyMap<FieldName, Current>, state: State): string {
    return `${fieldsKey(fields)}|${stateKey(state)}`;
  }

  /** One of many constants. */
  byCase(sets: readonly Edge[], values: readonly Value[]): Case {
    this.#cases += 1;
    return { kind: 'case', id: this.#cases, sets, values };
  }

  make(fields: ReadonlyMap<FieldName, Current>, state: State): Environment {
    return kept(this.#known, this.keyOf(fields, state), () => {
      if (this.#known.size >= this.#most)
        throw new TooComplex(`rules make of packets more than ${MOST} different ones`);
      return { id: this.#known.size, fields, state };
    });
  }

  /** After something has happened to packets. */
  after(before: Environment, { fields, state }: Changes): Environment {
    let moved = false;
    for (const key in state) moved ||= state[key as keyof State] !== before.state[key as keyof State];
    if (fields.size === 0) return moved ? this.make(before.fields, moving(before, state)) : before;
    const after = new Map(before.fields);
    fields.forEach((current, field) => {
      after.set(field, current);
    });
    return this.make(after, moved ? moving(before, state) : before.state);
  }

  /** The same, whichever way the packets are to leave. */
  wherever({ fields, state }: Environment): Environment {
    const out = fields.get('out');
    return this.make(out ? new Map([...fields, ['out', constant(UNTOLD)]]) : fields, {
      ...state,
      device: UNTOLD,
      gateway: undefined,
      supposed: false,
    });
  }

  /** What has happened to packets between two environments, to those of another one. */
  likewise(environment: Environment, from: Environment, to: Environment): Environment {
    if (from === to) return environment;
    const fields = new Map(environment.fields);
    for (const [field, current] of to.fields)
      if (fieldKey(from, field) !== currentKey(current)) fields.set(field, current);
    for (const field of from.fields.keys()) if (!to.fields.has(field)) fields.delete(field);
    const moved = STATE.filter((key) => to.state[key] !== from.state[key]).map((key) => [key, to.state[key]]);
    return this.make(fields, { ...environment.state, ...(Object.fromEntries(moved) as Partial<State>) });
  }

  /** With some fields changed. */
  assign(environment: Environment, changes: Iterable<readonly [FieldName, Current]>): Environment {
    return this.make(new Map([...environment.fields, ...changes]), environment.state);
  }
}

const moving = (before: Environment, state: Partial<State>): State => ({
  ...before.state,
  ...state,
  receiver: undefined,
});

/** Made once for each map: most environments have the fields of another. */
function fieldsKey(fields: ReadonlyMap<FieldName, Current>): string {
  if (fields.size === 0) return '';
  let key = FIELDS_KEYS.get(fields);
  if (key === undefined) {
    const keys: string[] = [];
    fields.forEach((current, field) => {
      keys.push(`${field}=${currentKey(current)}`);
    });
    key = (keys.length === 1 ? keys : keys.sort()).join();
    FIELDS_KEYS.set(fields, key);
  }
  return key;
}

const FIELDS_KEYS = new WeakMap<ReadonlyMap<FieldName, Current>, string>();

/** What a field is there, in a word; the packet's own is ''. */
export function fieldKey({ fields }: Environment, field: FieldName): string {
  const current = fields.get(field);
  return current ? currentKey(current) : '';
}

export function currentKey(current: Current): string {
  switch (current.kind) {
    case 'const':
      return String(current.value);
    case 'case':
      return `#${current.id}`;
    case 'of':
      return `${current.field}${current.shift ? `<${current.shift}` : ''}&${current.keep ?? ''}^${current.xor ?? 0}+${current.add ?? 0}`;
    case 'open':
      return '?';
  }
}

/** Of a mapping only that there is one is remembered here: its ends are the packet's. */
export function stateKey(state: Partial<State>): string {
  const { mappedBy, assigned, destination, source, gateway } = state;
  const effect = mappedBy?.effect;
  const turned = effect?.kind === 'nat' ? (effect.address === 'here' ? 'here' : 'nat') : (effect?.kind ?? '');
  const given = assigned
    ? `${assigned.port} ${assigned.listener?.process?.pid ?? ''} ${assigned.listener?.transparent}`
    : '';
  const plain = [state.hook, state.pass, state.connection, state.way, state.destinationDecided, state.sourceDecided];
  return [
    ...plain,
    destination !== undefined,
    source !== undefined,
    turned,
    given,
    state.device,
    state.supposed,
    gateway,
    state.marked,
  ].join();
}
