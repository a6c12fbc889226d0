import { type Family, parsePrefix } from '../address/index.ts';
import type { Interface, Route, RoutingRule, Snapshot } from '../netfilter/index.ts';

/** A change outside netfilter. The same shape as an interception's. */
export type RoutingChange =
  | { readonly kind: 'rule'; readonly family: Family; readonly mark: number; readonly table: number }
  /** A route that takes every destination for this host: `ip route add local default dev lo table N`. */
  | { readonly kind: 'local-route'; readonly family: Family; readonly table: number }
  | { readonly kind: 'address'; readonly family: Family; readonly prefix: string; readonly device: string };

/** One ip command, its words after `ip -4` or `ip -6`, and the command that undoes it. */
export interface RoutingStep {
  readonly family: Family;
  readonly words: readonly string[];
  readonly undo: readonly string[];
}

/** What has to be run to add it; nothing where it is there already. */
export function stepsToAdd(change: RoutingChange, snapshot: Snapshot): RoutingStep[] {
  if (isThere(change, snapshot)) return [];
  const { family } = change;
  return [{ family, words: wordsOf('add', change), undo: wordsOf('del', change) }];
}

/** What has to be run until none is left: rules can be there several times. Each is put back where it was when undone. */
export function stepsToRemove(change: RoutingChange, snapshot: Snapshot): RoutingStep[] {
  const { family } = change;
  if (change.kind === 'rule') {
    return rulesLike(change, snapshot).map(({ priority }) => {
      const words = ['priority', String(priority), ...selectorOf(change)];
      return { family, words: ['rule', 'del', ...words], undo: ['rule', 'add', ...words] };
    });
  }
  if (!isThere(change, snapshot)) return [];
  return [{ family, words: wordsOf('del', change), undo: wordsOf('add', change) }];
}

function isThere(change: RoutingChange, snapshot: Snapshot): boolean {
  switch (change.kind) {
    case 'rule':
      return rulesLike(change, snapshot).length > 0;
    case 'local-route':
      return (snapshot.routes ?? []).some((route) => isLocalDefault(route, change.family, change.table));
    case 'address':
      return (snapshot.interfaces ?? []).some((device) => device.name === change.device && has(device, change.prefix));
  }
}

const rulesLike = (
  { family, mark, table }: RoutingChange & { readonly kind: 'rule' },
  snapshot: Snapshot,
): readonly RoutingRule[] =>
  (snapshot.routingRules ?? []).filter(
    (rule) =>
      rule.family === family &&
      rule.table === table &&
      rule.mark?.value === mark &&
      rule.mark.mask === 0xffff_ffff &&
      rule.other === undefined,
  );

const isLocalDefault = (route: Route, family: Family, table: number): boolean =>
  route.family === family &&
  route.table === table &&
  route.kind === 'local' &&
  route.length === 0 &&
  route.device === 'lo';

function has({ addresses }: Interface, prefix: string): boolean {
  const [word = '', length] = prefix.split('/');
  const wanted = parsePrefix(word);
  return addresses.some(
    (address) =>
      address.family === wanted?.family && address.value === wanted.value && address.length === Number(length),
  );
}

const selectorOf = ({ mark, table }: RoutingChange & { readonly kind: 'rule' }): readonly string[] => [
  'fwmark',
  String(mark),
  'lookup',
  String(table),
];

function wordsOf(verb: 'add' | 'del', change: RoutingChange): readonly string[] {
  switch (change.kind) {
    case 'rule':
      return ['rule', verb, ...selectorOf(change)];
    case 'local-route':
      return ['route', verb, 'local', 'default', 'dev', 'lo', 'table', String(change.table)];
    case 'address':
      return ['address', verb, change.prefix, 'dev', change.device];
  }
}
