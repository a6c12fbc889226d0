import { type Family, highest } from '../address/index.ts';
import { apart } from './apart.ts';
import { CONTINUE, type Effect } from './effect.ts';
import type { MeaningContext } from './extension.ts';
import type { IpSets } from './ipset.ts';
import { ALWAYS, allOf, hasBits, is, isNamed, type Predicate, unknown, unless } from './predicate.ts';
import { allMatches, findMatch, findTarget } from './registry.ts';
import type { Header, MatchUse, Negatable, OpaqueUse, Rule, TargetUse } from './rules.ts';

/** Said of a rule that could not be read and was kept word for word: an opaque use without a name. */
const UNREADABLE = 'the rule could not be read';

/** One condition of a rule: what it is called in the text, and its meaning. */
export interface Condition {
  /** `-p`, `-i`, or a match's name. */
  readonly part: string;
  readonly predicate: Predicate;
  /** A packet that is looked at may be dropped at once: where this, a clause's subject, is full. */
  readonly mayDrop?: string;
}

/**
 * The conditions of a rule in the order in which the kernel looks at them. `sets` are those that the rule may name; without
 * them what is in a set is not known.
 */
export const conditionsOf = (rule: Rule, family: Family, sets?: MeaningContext['sets']): readonly Condition[] =>
  readConditions(family, sets)(rule);

/** The same for many rules: what several of them have in common, as text that was read has it, is one condition. */
export function readConditions(family: Family, sets?: MeaningContext['sets']): (rule: Rule) => readonly Condition[] {
  const context: MeaningContext = sets ? { family, sets } : { family };
  const known: Known = new Map();
  // One list takes them all: a list that grows makes room for seventeen, and each rule keeps its own.
  const conditions: Condition[] = [];
  return (rule) => {
    while (conditions.length > 0) conditions.pop();
    addHeader(conditions, rule.header, family, known);
    const { unshown } = rule;
    addUnshown(conditions, unshown, undefined);
    const several = rule.matches.length > 1 ? apart() : undefined;
    const { matches } = rule;
    for (let at = 0; at < matches.length; at += 1) {
      const use = matches[at]!;
      addUnshown(conditions, unshown, at);
      const condition = known.get(use) ?? shared(known, use, () => matchCondition(use, context));
      const [predicate = condition.predicate] = several?.([condition.predicate]) ?? [];
      add(conditions, predicate === condition.predicate ? condition : { ...condition, predicate });
    }
    addUnshown(conditions, unshown, rule.matches.length);
    return conditions.slice();
  };
}

/** What a text does not show, in its place among the matches: a packet that is dropped there has passed those before it. */
function addUnshown(conditions: Condition[], unshown: Rule['unshown'], after: number | undefined): void {
  if (unshown === undefined) return;
  for (const { part, words = part, because, after: place } of unshown) {
    if (place !== after) continue;
    const match = allMatches.find(({ mayDrop }) => mayDrop?.listed.pattern.test(words));
    conditions.push(dropping({ part, predicate: unknown(because) }, match?.mayDrop?.listed.full));
  }
}

/** Conditions that several rules may have, by the part of a rule that they come from or what it says. */
type Known = Map<object | string, Condition>;

function shared(known: Known, key: object | string, make: () => Condition): Condition {
  const before = known.get(key);
  if (before) return before;
  const made = make();
  known.set(key, made);
  return made;
}

/** What holds of every packet is no condition. */
function add(conditions: Condition[], condition: Condition): void {
  if (condition.predicate.kind !== 'always') conditions.push(condition);
}

function matchCondition(use: MatchUse | OpaqueUse, context: MeaningContext): Condition {
  const full = use.kind === 'known' ? findMatch(use.name)?.mayDrop?.full(use.options) : undefined;
  return dropping({ part: use.name, predicate: matchPredicate(use, context) }, full);
}

const dropping = (condition: Condition, full: string | undefined): Condition =>
  full === undefined ? condition : { ...condition, mayDrop: full };

function matchPredicate(use: MatchUse | OpaqueUse, context: MeaningContext): Predicate {
  const extension = use.kind === 'known' ? findMatch(use.name) : undefined;
  if (use.kind !== 'known' || !extension)
    return unknown(use.name === '' ? UNREADABLE : `Sidestep does not know the match ${JSON.stringify(use.name)}`);
  return extension.predicate(extension.complete?.(use.options, context.family) ?? use.options, context);
}

/** The whole condition of a rule as one predicate. */
export const predicateOf = (rule: Rule, family: Family, sets?: IpSets): Predicate =>
  together(conditionsOf(rule, family, sets));

/** All of some conditions as one predicate. */
export function together(conditions: readonly Condition[]): Predicate {
  if (conditions.length === 1) return conditions[0]!.predicate;
  const parts = new Array<Predicate>(conditions.length);
  for (let at = 0; at < conditions.length; at += 1) parts[at] = conditions[at]!.predicate;
  return allOf(parts);
}

function addHeader(conditions: Condition[], header: Header, family: Family, known: Known): void {
  const { source, destination, protocol, fragment } = header;
  if (source) add(conditions, meant('-s', source, prefixPredicate('source', source.value, family)));
  if (destination) add(conditions, meant('-d', destination, prefixPredicate('destination', destination.value, family)));
  if (header.in) add(conditions, nameCondition('-i', 'in', header.in, known));
  if (header.out) add(conditions, nameCondition('-o', 'out', header.out, known));
  if (protocol) {
    const make = (): Condition => meant('-p', protocol, is('protocol', protocol.value));
    add(conditions, shared(known, protocol, make));
  }
  if (fragment) add(conditions, meant('-f', fragment, is('fragment', 1)));
}

const meant = (part: string, { negated }: Negatable<unknown>, predicate: Predicate): Condition => ({
  part,
  predicate: unless(negated, predicate),
});

const nameCondition = (part: '-i' | '-o', field: 'in' | 'out', name: Negatable<string>, known: Known): Condition =>
  shared(known, `${name.negated ? '! ' : ''}${part} ${name.value}`, () =>
    meant(part, name, namePredicate(field, name.value)),
  );

/** `+` alone is every name, the empty one too. Source: netfilter-semantics 21. */
const namePredicate = (field: 'in' | 'out', pattern: string): Predicate =>
  pattern === '+' ? ALWAYS : isNamed(field, pattern);

function prefixPredicate(
  field: 'source' | 'destination',
  { value, mask }: { readonly value: number | bigint; readonly mask: number | bigint },
  family: Family,
): Predicate {
  if (Number(mask) === 0) return ALWAYS;
  return mask === highest(family) ? is(field, value) : hasBits(field, mask, value);
}

/** What the rule does when it matches. A rule without target only counts. */
export function effectOf(target: TargetUse | undefined, family: Family): Effect {
  if (!target) return CONTINUE;
  switch (target.kind) {
    case 'jump':
    case 'goto':
      return { kind: target.kind, chain: target.chain };
    case 'opaque':
      return {
        kind: 'unknown',
        because: target.because ?? (target.name === '' ? UNREADABLE : doesNotKnow(target.name)),
      };
    case 'known': {
      const extension = findTarget(target.name);
      if (!extension) return { kind: 'unknown', because: doesNotKnow(target.name) };
      return extension.effect(extension.complete?.(target.options, family) ?? target.options, { family });
    }
  }
}

const doesNotKnow = (target: string): string => `Sidestep does not know the target ${JSON.stringify(target)}`;
