import type { NftChain, NftFlowtable, NftHook, NftObject, NftSet, NftType } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import {
  field,
  integer,
  list,
  number,
  oneOf,
  oneOrList,
  optional,
  type Part,
  record,
  required,
  text,
  wide,
} from '../json.ts';
import { typeNames } from './datatype.ts';
import { hasOnly, readElement } from './json-element.ts';
import { readExpression, wordsOf } from './json-expression.ts';
import { readLimit, readStatement } from './json-statement.ts';
import { asNumbers } from './numbers.ts';

const headOf = (part: Part): { name: string; handle?: number; comment?: string } => ({
  name: text(required(part, 'name')),
  ...given('handle', optional(part, 'handle', number)),
  ...given('comment', optional(part, 'comment', text)),
});

const strings = (part: Part, name: string): string[] => optional(part, name, (found) => oneOrList(found, text)) ?? [];

/** A type's name, `a . b`, a list of names, or (nft 1.1) an object with the expression that it is of. */
function typeOf(part: Part): NftType {
  const inTypeof = hasOnly(part, 'typeof');
  if (inTypeof) {
    const expression = readExpression(inTypeof);
    return { names: typeNames(expression), typeof: expression };
  }
  return { names: oneOrList(part, (one) => text(one).split(' . ')).flat() };
}

/** Reads a `set` or a `map` of a table of that family. */
export function readSet(part: Part, table: string): NftSet {
  const key = typeOf(required(part, 'type'));
  const data = field(part, 'map');
  const elements = optional(part, 'elem', (found) =>
    Array.isArray(found.value) ? list(found, readElement) : [readElement(found)],
  );
  return {
    ...headOf(part),
    key,
    ...given('data', data && typeOf(data)),
    flags: strings(part, 'flags'),
    elements: (elements ?? []).map((one) => ({ ...one, key: asNumbers(one.key, key.names) })),
    ...given('timeout', optional(part, 'timeout', number)),
    ...given('gcInterval', optional(part, 'gc-interval', number)),
    ...given('size', optional(part, 'size', number)),
    ...given('policy', optional(part, 'policy', text)),
    ...(field(part, 'auto-merge')?.value === true ? { autoMerge: true as const } : {}),
    statements: optional(part, 'stmt', (found) => list(found, (one) => readStatement(one, table))) ?? [],
  };
}

const l3proto = (part: Part): string => optional(part, 'l3proto', text) ?? 'ip';
const protocol = (part: Part): string => text(required(part, 'protocol'));

/** Objects by the property that names their kind. */
const OBJECTS: Readonly<Record<string, (part: Part) => NftObject>> = {
  counter: (part) => ({
    ...headOf(part),
    kind: 'counter',
    packets: optional(part, 'packets', wide) ?? 0n,
    bytes: optional(part, 'bytes', wide) ?? 0n,
  }),
  quota: (part) => ({
    ...headOf(part),
    kind: 'quota',
    bytes: wide(required(part, 'bytes')),
    used: optional(part, 'used', wide) ?? 0n,
    over: field(part, 'inv')?.value === true,
  }),
  limit: (part) => ({ ...headOf(part), kind: 'limit', ...readLimit(part) }),
  'ct helper': (part) => ({
    ...headOf(part),
    kind: 'ct helper',
    type: text(required(part, 'type')),
    protocol: protocol(part),
    l3proto: l3proto(part),
  }),
  'ct timeout': (part) => ({
    ...headOf(part),
    kind: 'ct timeout',
    protocol: protocol(part),
    l3proto: l3proto(part),
    policy: optional(part, 'policy', readPolicy) ?? {},
  }),
  'ct expectation': (part) => ({
    ...headOf(part),
    kind: 'ct expectation',
    protocol: protocol(part),
    l3proto: l3proto(part),
    port: number(required(part, 'dport')),
    timeout: optional(part, 'timeout', number) ?? 0,
    size: optional(part, 'size', number) ?? 0,
  }),
  synproxy: (part) => ({
    ...headOf(part),
    kind: 'synproxy',
    mss: optional(part, 'mss', number) ?? 0,
    wscale: optional(part, 'wscale', number) ?? 0,
    flags: strings(part, 'flags'),
  }),
};

const readPolicy = (part: Part): Record<string, number> =>
  Object.fromEntries(Object.keys(record(part)).map((state) => [state, number(required(part, state))]));

/** Reads a named object; one of a kind that is not known keeps its words. */
export function readObject(part: Part, type: string): NftObject {
  const read = Object.hasOwn(OBJECTS, type) ? OBJECTS[type] : undefined;
  return read ? read(part) : { ...headOf(part), kind: 'opaque', type, words: wordsOf(part) };
}

export const readFlowtable = (part: Part): NftFlowtable => ({
  name: text(required(part, 'name')),
  ...given('handle', optional(part, 'handle', number)),
  hook: text(required(part, 'hook')),
  priority: integer(required(part, 'prio')),
  devices: strings(part, 'dev'),
  ...(field(part, 'counter') ? { counter: true as const } : {}),
  flags: strings(part, 'flags'),
});

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'] as const;

/** Reads a chain without its rules. */
export function readChain(part: Part): Omit<NftChain, 'rules'> {
  const base: NftHook | undefined = field(part, 'hook') && {
    type: oneOf(required(part, 'type'), ['filter', 'nat', 'route']),
    hook: oneOf(required(part, 'hook'), HOOKS),
    priority: integer(required(part, 'prio')),
    policy: optional(part, 'policy', (found) => oneOf(found, ['accept', 'drop'])) ?? 'accept',
    devices: strings(part, 'dev'),
  };
  return { ...headOf(part), ...given('base', base), flags: strings(part, 'flags') };
}
