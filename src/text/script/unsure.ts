import { BUILT_IN, isBuiltIn, type Rule, TABLES } from '../../netfilter/index.ts';
import { chainNameProblem } from '../extension.ts';
import { unreadable } from '../read-command.ts';
import { type OpenChain, openChain } from '../reading.ts';
import type { Argument, Call } from './arguments.ts';
import { type Held, type Holding, heldTable } from './tables.ts';

/** What may have been done: the call, and the words that say it in a rule of which nothing is known. */
interface Maybe {
  readonly words: string;
  readonly line: number;
}

/** A rule of which nothing is known: it may match anything and do anything, or not be there. */
export const isUnsure = ({ matches: [first] }: Rule): boolean => first?.kind === 'opaque' && first.name === '';

/** Whether the first rules of a chain are those that are counted there: `upTo` of them. */
export const countsSurely = ({ rules }: OpenChain, upTo: number): boolean => !rules.slice(0, upTo).some(isUnsure);

const maybeRule = ({ words, line }: Maybe): Rule => unreadable(words, undefined, line);

/** Whatever stands in the chain, nothing is known of what it does to a packet. */
function cover({ rules }: OpenChain, maybe: Maybe): void {
  if (!rules[0] || !isUnsure(rules[0])) rules.unshift(maybeRule(maybe));
}

/** A chain that may be there or not. */
function chainThatMayBe(held: Held, { text }: Argument, maybe: Maybe): OpenChain | undefined {
  const known = held.chains.get(text);
  if (known || chainNameProblem(text)) return known;
  const chain = openChain(text, undefined);
  held.chains.set(text, chain);
  held.mayBe.add(text);
  cover(chain, maybe);
  return chain;
}

/**
 * What is left where a call may have been made or not, or where some of its words are not known: wherever it could make a
 * difference, a rule of which nothing is known.
 */
export function unsettle(holding: Holding, call: Call, line: number): void {
  const { action, asked, names, rule } = call;
  if (action === 'show' || action === 'check' || action === 'zero') return;
  const held = heldTable(holding, call.table);
  const states = action === 'append' || action === 'insert' || action === 'replace';
  const said = states ? rule : [asked, ...names, ...rule];
  const maybe: Maybe = { words: said.map(({ text }) => text).join(' '), line };
  const [first, second] = names;
  if (first?.unknown) {
    for (const chain of held.chains.values()) cover(chain, maybe);
    if (action === 'policy') for (const chain of BUILT_IN[held.name]) held.policies.set(chain, line);
    return;
  }
  const chains = first
    ? [held.chains.get(first.text)].filter((chain) => chain !== undefined)
    : [...held.chains.values()];
  switch (action) {
    case 'append':
      if (first) chainThatMayBe(held, first, maybe)?.rules.push(maybeRule(maybe));
      return;
    case 'insert':
      if (first) insertOrNot(chainThatMayBe(held, first, maybe), call, maybe);
      return;
    case 'replace':
    case 'delete':
      for (const chain of chains) changeOrNot(chain, second, maybe);
      return;
    case 'flush':
      for (const chain of chains) if (chain.rules.length > 0) cover(chain, maybe);
      return;
    case 'new-chain':
      if (first) chainThatMayBe(held, first, maybe);
      return;
    case 'delete-chain':
    case 'rename-chain':
      for (const chain of chains) {
        if (isBuiltIn(held.name, chain.name)) continue;
        held.mayBe.add(chain.name);
        cover(chain, maybe);
      }
      if (action === 'rename-chain' && second) chainThatMayBe(held, second, maybe);
      return;
    case 'policy':
      if (first && isBuiltIn(held.name, first.text)) held.policies.set(first.text, line);
  }
}

function insertOrNot(chain: OpenChain | undefined, { names: [, second], rule: [next] }: Call, maybe: Maybe): void {
  if (!chain) return;
  // An unknown word right after the chain may be the position.
  const position = next?.unknown ? undefined : Number(second?.text ?? 1);
  if (position !== undefined && position <= chain.rules.length + 1 && countsSurely(chain, position - 1))
    chain.rules.splice(Math.max(0, position - 1), 0, maybeRule(maybe));
  else cover(chain, maybe);
}

/** `-D` and `-R`: the rule may be as before, gone, or another one. */
function changeOrNot(chain: OpenChain, number: Argument | undefined, maybe: Maybe): void {
  if (chain.rules.length === 0) return;
  const position = number ? Number(number.text) : undefined;
  if (position === undefined || !countsSurely(chain, position)) cover(chain, maybe);
  else if (chain.rules[position - 1]) chain.rules[position - 1] = maybeRule(maybe);
}

/** Anything may have been done to any table. */
export function unsettleAll(holding: Holding, words: string, line: number): void {
  for (const table of TABLES) {
    const held = heldTable(holding, table);
    for (const chain of held.chains.values()) cover(chain, { words, line });
    for (const chain of BUILT_IN[table]) held.policies.set(chain, line);
  }
}
