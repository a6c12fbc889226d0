import type { Rule } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import type { OpenChain } from '../reading.ts';
import { readRule } from '../rule.ts';
import { cursorOver } from '../words.ts';
import type { Argument, Call } from './arguments.ts';
import { type Held, MissingChain } from './tables.ts';

/** A word as iptables-restore takes it: in quotes where it has to be. */
const asRestored = ({ text }: Argument): string =>
  text !== '' && !/[\s"]/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;

/** The rules that the words of a call make. Throws a Fault, which stands at the script's own words. */
export function readRules(held: Held, chain: OpenChain, { rule: words }: Call, line: number): Rule[] {
  const spans: { readonly start: number; readonly argument: Argument }[] = [];
  let text = '';
  for (const argument of words) {
    if (text !== '') text += ' ';
    spans.push({ start: text.length, argument });
    text += asRestored(argument);
  }
  const placed = <T extends { readonly at: number; readonly length: number }>(of: T): T => ({
    ...of,
    ...placeIn(spans, of),
  });
  const { draft } = held;
  draft.scope.chain = chain.name;
  held.found = [];
  const rules: Rule[] = [];
  try {
    readRule(cursorOver(text), draft, line, undefined, rules);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { at, length } = placeIn(spans, error);
    const Kind = error instanceof MissingChain ? MissingChain : Fault;
    throw new Kind(at, length, error.message, error.hint);
  }
  const uses = held.found.map((use) => ({ ...placed(use), line }));
  if (uses.length > 0) for (const rule of rules) held.hooks.set(rule, uses);
  return rules;
}

/** Where in the script a place of the rule's text comes from. */
function placeIn(
  spans: readonly { readonly start: number; readonly argument: Argument }[],
  { at, length }: { readonly at: number; readonly length: number },
): { readonly at: number; readonly length: number } {
  const of = (position: number) => spans.findLast(({ start }) => start <= position) ?? spans[0];
  const [from, to] = [of(at), of(at + Math.max(0, length - 1))];
  if (!from || !to) return { at: 0, length: 1 };
  const { argument } = to;
  return { at: from.argument.at, length: argument.at + argument.length - from.argument.at };
}
