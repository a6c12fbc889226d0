import { FAMILIES, type Family } from '../address/index.ts';
import { type Backend, emptyRuleSet, type RuleSet, type Snapshot } from '../netfilter/index.ts';
import { prepared } from './bypass-ahead.ts';
import { edited } from './bypass-edit.ts';
import { idleBypasses } from './bypass-idle.ts';
import { inboundEntrance, inserted, ownEntrances } from './bypass-insert.ts';
import { notCoveredBy } from './bypass-notes.ts';
import { reasonsOf, type Unchanged } from './bypass-reasons.ts';
import { type BypassRequest, checkRequest, isOver } from './bypass-request.ts';
import { withoutOutdated } from './bypass-undo.ts';
import type { Bypass } from './bypasses.ts';
import { interceptedPorts } from './intercepted.ts';
import type { Notice } from './interception.ts';
import { nativeAfter } from './native-edit.ts';
import { nativeSets, withNativeSets } from './native-sets.ts';
import { bothPorts, type Ports } from './port-sets.ts';
import { handsToProxy, turnsAnything } from './proxy-ports.ts';
import { type Problem, RequestRefused } from './refused.ts';
import { changesBetween, type RuleChange } from './rule-changes.ts';

/** What a bypass would change, and what it would not. */
export interface BypassPlan {
  readonly request: BypassRequest;
  /** None: there is nothing to do. */
  readonly changes: readonly RuleChange[];
  /** Ports that pass the proxy by already, and by which rule. */
  readonly already: readonly Unchanged[];
  /** Ports that a family does not intercept, and why. */
  readonly unneeded: readonly Unchanged[];
  /** Bypasses of the ports that stand in the rules and let nothing pass now. */
  readonly idle: readonly Bypass[];
  /** What it does not cover, where that applies here. */
  readonly notCovered: readonly Notice[];
}

/**
 * Plans a bypass: the fewest rules after which inbound tcp to the ports is no longer turned to the proxy, in each family
 * and back end that turns it, and in the table that does: nat for a REDIRECT, mangle for TPROXY. Rules of a bypass that
 * is there already are kept; one that ends at another time than asked for is replaced.
 *
 * @param backend the back end that takes new rules: it counts only for `request.ahead`
 * @throws RequestRefused for no ports, or an expiry that is over or beyond what the kernel's tools can name.
 */
export function planBypass(given: Snapshot, request: BypassRequest, backend?: Backend): BypassPlan {
  checkRequest(request);
  const [snapshot, after] = [given, afterBypass(given, { request }, backend)].map(withNativeSets) as [
    Snapshot,
    Snapshot,
  ];
  const changes = after.held.flatMap(({ rules, backend: holder }, index) => {
    // Native sets may stand beside others of the same family and back end: then they are told apart by their place.
    const same = snapshot.held.filter((one) => one.backend === holder && one.rules.family === rules.family);
    const before = (same.length > 1 ? snapshot.held[index] : same[0])?.rules;
    return changesBetween(before ?? emptyRuleSet(rules.family), rules, holder);
  });
  const reasons = wanted(request).flatMap((family) => reasonsOf(snapshot, family, request, changes));
  return {
    request,
    changes,
    already: reasons.filter(({ kind }) => kind === 'already'),
    unneeded: reasons.filter(({ kind }) => kind === 'unneeded'),
    // Ahead of the mesh, to be without effect for now is what is meant.
    idle: request.ahead
      ? []
      : idleBypasses(after, request.now).filter(({ ports }) => bothPorts(ports, request.ports).length > 0),
    notCovered: notCoveredBy(snapshot, after, request, changes),
  };
}

/**
 * The snapshot after a plan: what is to be carried out, and what a proof compares with the snapshot before. The same
 * function of the request whenever it is asked; after itself it changes nothing.
 */
export function afterBypass(snapshot: Snapshot, plan: Pick<BypassPlan, 'request'>, backend?: Backend): Snapshot {
  if (isOver(plan.request)) return snapshot;
  const { ahead } = plan.request;
  if (ahead && !withNativeSets(snapshot).held.some(({ rules }) => turnsAnything(rules)))
    return prepared(snapshot, plan.request, backend);
  if (plan.request.until !== undefined && nativeSets(snapshot).length > 0) throw new RequestRefused([ENDLESS]);
  const native = nativeAfter(snapshot, (rules) => bypassed(rules, plan));
  return {
    ...snapshot,
    held: snapshot.held.map((one) => ({ ...one, rules: bypassed(one.rules, plan) })),
    ...(native ? { native } : {}),
  };
}

const ENDLESS: Problem = {
  about: '--for or --until',
  value: '',
  expected: 'a bypass without an end',
  cause: 'In native tables of nftables Sidestep writes no rules that end by themselves: --undo takes it back.',
};

/** The rule set (of one family and back end) after a plan: the same function of the request whenever it is asked. */
export function bypassed(before: RuleSet, { request }: Pick<BypassPlan, 'request'>): RuleSet {
  const { ports, now } = request;
  if (!wanted(request).includes(before.family)) return before;
  let rules = withoutOutdated(before, request);
  // mangle is asked before nat: what passes by a TPROXY may still meet a REDIRECT.
  for (const table of ['mangle', 'nat'] as const) {
    const caught = bothPorts(interceptedPorts(rules, 'inbound', now).get(table) ?? [], ports);
    if (caught.length === 0) continue;
    rules = request.edit
      ? edited(rules, inboundEntrance(table, request), touched(ports, caught), request)
      : inserted(rules, inboundEntrance(table, request), { ports: touched(ports, caught), caught }, request);
  }
  return request.self ? selfBypassed(rules, request) : rules;
}

const wanted = ({ families }: BypassRequest): readonly Family[] => families ?? FAMILIES;

/** Of the ports as they were asked for, those ranges of which anything is caught: whole, so that they stay few. */
const touched = (ports: Ports, caught: Ports): Ports => ports.filter((range) => bothPorts([range], caught).length > 0);

function selfBypassed(rules: RuleSet, request: BypassRequest): RuleSet {
  let result = rules;
  for (const entrance of ownEntrances(handsToProxy(rules), request)) {
    const caught = bothPorts(interceptedPorts(result, 'self', request.now).get(entrance.table) ?? [], request.ports);
    if (caught.length > 0)
      result = inserted(result, entrance, { ports: touched(request.ports, caught), caught }, request);
  }
  return result;
}
