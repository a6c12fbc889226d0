import { BUILT_IN, isBuiltIn } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { chainNameProblem } from '../extension.ts';
import { type OpenChain, openChain } from '../reading.ts';
import { nearest } from '../spelling.ts';
import type { Argument, Call } from './arguments.ts';
import { readRules } from './rule-words.ts';
import {
  empty,
  type Held,
  type Holding,
  heldTable,
  indexOfSame,
  isNamed,
  MAKE_FIRST,
  MissingChain,
  rename,
  userChains,
} from './tables.ts';
import { countsSurely, isUnsure, unsettle } from './unsure.ts';

/**
 * How a command ends: done; refused by the tools, with the reason, so that nothing changed; or one of both, where what
 * stood there before is not known.
 */
export type Ending =
  | { readonly ok: true }
  | { readonly ok: undefined }
  | { readonly ok: false; readonly because: string; readonly fault?: Fault };

const DONE: Ending = { ok: true };
const UNSURE: Ending = { ok: undefined };
const failed = (because: string): Ending => ({ ok: false, because });

/** Carries out one call on the tables. Throws a Fault where its words make no sense. */
export function carryOut(holding: Holding, call: Call, line: number): Ending {
  if (call.action === 'show') return DONE;
  const held = heldTable(holding, call.table);
  const [first] = call.names;
  if (!first) return without(held, call);
  switch (call.action) {
    case 'new-chain':
      return makeChain(held, first);
    case 'rename-chain':
      return renameChain(held, call);
    default: {
      const chain = held.chains.get(first.text);
      return chain ? withChain(holding, held, chain, call, line) : noChain(held, first, call);
    }
  }
}

/** `-F`, `-X` and `-Z` alone mean every chain of the table. */
function without(held: Held, { action, asked }: Call): Ending {
  switch (action) {
    case 'flush':
      for (const chain of held.chains.values()) empty(held, chain);
      return DONE;
    case 'delete-chain': {
      const own = userChains(held);
      if ([...held.chains.values()].some(({ rules }) => rules.some(isUnsure))) return UNSURE;
      const busy = own.find(({ name, rules }) => rules.length > 0 || isNamed(held, name));
      if (busy) return failed(`the chain ${busy.name} is not empty, or a rule leads to it`);
      for (const { name } of own) held.chains.delete(name);
      return DONE;
    }
    case 'zero':
      return DONE;
    default:
      throw new Fault(asked.at, asked.length, `${asked.text} needs a chain`, 'Expected the name of a chain after it.');
  }
}

function makeChain(held: Held, { text, at, length }: Argument): Ending {
  const problem = chainNameProblem(text);
  if (problem) throw new Fault(at, length, problem, 'Expected a name like MY_CHAIN.');
  if (held.mayBe.delete(text)) return UNSURE;
  if (held.chains.has(text)) return failed(`the chain ${text} is there already`);
  held.chains.set(text, openChain(text, undefined));
  return DONE;
}

function renameChain(held: Held, { asked, names: [from, to] }: Call): Ending {
  if (!from || !to) throw new Fault(asked.at, asked.length, `${asked.text} needs two names`, 'Expected -E OLD NEW.');
  const problem = chainNameProblem(to.text);
  if (problem) throw new Fault(to.at, to.length, problem, 'Expected a name like MY_CHAIN.');
  if (!held.chains.has(from.text)) return failed(`there is no chain ${from.text} in ${held.name}`);
  if (isBuiltIn(held.name, from.text)) return failed(`${from.text} is a chain of the kernel’s own`);
  if (held.chains.has(to.text)) return failed(`the chain ${to.text} is there already`);
  if (held.mayBe.has(from.text)) return UNSURE;
  rename(held, from.text, to.text);
  return DONE;
}

/** Among more chains than this, the one that was meant is not looked for. */
const MOST_NEAR = 500;

function noChain({ name, chains }: Held, { text, at, length }: Argument, call: Call): Ending {
  const because = `there is no chain ${text} in ${name}`;
  const near = chains.size < MOST_NEAR ? nearest(text, chains.keys()) : undefined;
  return refused(because, call, new Fault(at, length, because, near ? `Did you mean ${near}?` : MAKE_FIRST));
}

function withChain(holding: Holding, held: Held, chain: OpenChain, call: Call, line: number): Ending {
  try {
    return inChain(holding, held, chain, call, line);
  } catch (error) {
    if (error instanceof MissingChain) return refused(error.message, call, error);
    throw error;
  }
}

/** Whether somebody minds: a rule that was to be there is not. */
const refused = (because: string, { action }: Call, fault: Fault): Ending =>
  action === 'append' || action === 'insert' || action === 'replace' || action === 'policy'
    ? { ok: false, because, fault }
    : failed(because);

function inChain(holding: Holding, held: Held, chain: OpenChain, call: Call, line: number): Ending {
  const { action, names, asked } = call;
  const [first, second] = names;
  switch (action) {
    case 'append':
      chain.rules.push(...readRules(held, chain, call, line));
      return DONE;
    case 'insert': {
      const rules = readRules(held, chain, call, line);
      const position = second ? Number(second.text) : 1;
      if (!countsSurely(chain, position - 1)) return unsettled(holding, call, line);
      if (position < 1 || position > chain.rules.length + 1)
        return failed(`there is no position ${position} in ${chain.name}`);
      // One after the other at the same place, so the last of several comes first.
      chain.rules.splice(position - 1, 0, ...rules.reverse());
      return DONE;
    }
    case 'replace': {
      const [rule, another] = readRules(held, chain, call, line);
      if (!second)
        throw new Fault(asked.at, asked.length, `${asked.text} needs a chain and a number`, 'Expected -R CHAIN 1 …');
      if (!rule || another)
        throw new Fault(
          asked.at,
          asked.length,
          `${asked.text} takes one rule`,
          'Each address of a list makes a rule of its own.',
        );
      if (!countsSurely(chain, Number(second.text))) return unsettled(holding, call, line);
      if (!chain.rules[Number(second.text) - 1]) return failed(`there is no rule ${second.text} in ${chain.name}`);
      chain.rules[Number(second.text) - 1] = rule;
      return DONE;
    }
    case 'delete':
      if (second && !countsSurely(chain, Number(second.text))) return unsettled(holding, call, line);
      return second ? deleteNumber(chain, Number(second.text)) : deleteRules(holding, held, chain, call, line);
    case 'check': {
      const [rule] = readRules(held, chain, call, line);
      if (chain.rules.some(isUnsure)) return UNSURE;
      const found = rule !== undefined && indexOfSame(held, chain, rule, holding.family) >= 0;
      return found ? DONE : failed(`there is no such rule in ${chain.name}`);
    }
    case 'flush':
      empty(held, chain);
      return DONE;
    case 'delete-chain': {
      if (chain.rules.some(isUnsure)) return UNSURE;
      if (isBuiltIn(held.name, chain.name)) return failed(`${chain.name} is a chain of the kernel’s own`);
      if (chain.rules.length > 0 || isNamed(held, chain.name))
        return failed(`the chain ${chain.name} is not empty, or a rule leads to it`);
      held.chains.delete(chain.name);
      return DONE;
    }
    case 'policy':
      return setPolicy(held, chain, first!, second);
    case 'zero':
    case 'show':
    case 'new-chain':
    case 'rename-chain':
      return DONE;
  }
}

function unsettled(holding: Holding, call: Call, line: number): Ending {
  unsettle(holding, call, line);
  return UNSURE;
}

function setPolicy(held: Held, chain: OpenChain, named: Argument, wanted: Argument | undefined): Ending {
  if (!isBuiltIn(held.name, chain.name))
    throw new Fault(
      named.at,
      named.length,
      `the chain ${chain.name} can have no policy`,
      `Only the built-in chains have one: ${BUILT_IN[held.name].join(', ')}.`,
    );
  if (!wanted) throw new Fault(named.at, named.length, 'a chain without a policy', 'Expected ACCEPT or DROP after it.');
  const { text, at, length } = wanted;
  if (text === 'DROP' && held.name === 'nat')
    throw new Fault(
      at,
      length,
      'DROP cannot be a policy in nat',
      'The nat table sees a connection’s first packet only: drop it in filter.',
    );
  if (text !== 'ACCEPT' && text !== 'DROP')
    throw new Fault(at, length, `${text} is no policy`, 'Expected ACCEPT or DROP.');
  chain.policy = text;
  held.policies.delete(chain.name);
  return DONE;
}

function deleteNumber(chain: OpenChain, number: number): Ending {
  if (!chain.rules[number - 1]) return failed(`there is no rule ${number} in ${chain.name}`);
  chain.rules.splice(number - 1, 1);
  return DONE;
}

/** Of rules that are alike, the first goes. */
function deleteRules(holding: Holding, held: Held, chain: OpenChain, call: Call, line: number): Ending {
  for (const rule of readRules(held, chain, call, line)) {
    const at = indexOfSame(held, chain, rule, holding.family);
    // One that may be there may be the one that goes.
    if (!countsSurely(chain, at < 0 ? chain.rules.length : at + 1)) return unsettled(holding, call, line);
    if (at < 0) return failed(`there is no such rule in ${chain.name}`);
    chain.rules.splice(at, 1);
  }
  return DONE;
}
