import { afterBypass, type BypassRequest, isIntercepted, isOver, planBypass } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { cutsAll, type Proof, proveBypass, withoutEnd } from './proof.ts';
import { packetsSaid } from './proof-screen.ts';
import { count } from './words.ts';

/** The plan that is best among those that can be made, what is proved of it, and why it is the best. */
export interface Chosen {
  readonly request: BypassRequest;
  readonly proof: Proof;
  /** `Chosen: …`, or `Instead: …` where another would do; undefined where there was no other. */
  readonly why?: string;
}

/** A way to let the ports pass. */
export interface Candidate {
  readonly request: BypassRequest;
  readonly proof: Proof;
  /** How many rules come, go or change. */
  readonly rules: number;
  /** How many rules come; those that only move are among them. */
  readonly added: number;
}

/**
 * The best plan for a request. Candidates are a rule at the top of the built-in chain, where nothing can come before it; one right
 * before the rule that catches; with `edit` the mesh's own list, which is otherwise left alone; with `self` a rule for what comes in
 * and one for own calls, where one for both takes more. Best is what does what was asked and changes nothing else, by the fewest
 * rules. Where none does, the request as it is, with what else it would change. Another way is named only where it is proved that it
 * would do.
 */
export function placed(before: Snapshot, request: BypassRequest, proxyPorts: readonly number[]): Chosen {
  const candidate: Make = (one) => proved(before, one, proxyPorts);
  const asked = candidate(request);
  // Before the mesh has come, nothing is caught before which a rule could be put.
  if (isOver(request) || (request.ahead && !isIntercepted(before))) return asked;
  const chosen = request.edit ? edited(asked, candidate) : inserted(asked, candidate);
  if (does(chosen) || !request.self) return chosen;
  const narrow = candidate({ ...request, narrow: true });
  return does(narrow)
    ? { ...narrow, why: `Chosen: own calls by a rule more; without it this would pass, too: ${beyondWords(asked)}` }
    : chosen;
}

/** What is proved of a request as it is, without looking for a better plan. */
export function proved(before: Snapshot, request: BypassRequest, proxyPorts: readonly number[]): Candidate {
  const endless = withoutEnd(request);
  const proof = proveBypass(before, afterBypass(before, { request: endless }), endless, proxyPorts);
  const { changes } = planBypass(before, request);
  const added = changes.filter(({ action }) => action === 'insert').length;
  return { request, proof, rules: changes.length, added };
}

/** The list was asked for: it is taken where it does what was asked, though a rule before it would do, too. */
function edited(asked: Candidate, candidate: Make): Chosen {
  const { edit: _, ...plain } = asked.request;
  if (does(asked)) {
    const { rules } = asked;
    const other = isWorth(asked) ? firstThatDoes([plain, { ...plain, behind: true }], candidate) : undefined;
    if (!other) return asked;
    const list = `Chosen: ${count(rules, 'rule')} of the mesh's own list ${rules === 1 ? 'changes' : 'change'}, as asked for`;
    return { ...asked, why: `${list}; without --edit ${rulesWord(other.added)} would be put before it` };
  }
  const found = firstThatDoes([plain, { ...plain, behind: true }], candidate);
  if (!found) return asked;
  return {
    ...found,
    why: `Chosen: a rule before the mesh's own list, which cannot be changed for this alone: ${beyondWords(asked)}`,
  };
}

function inserted(asked: Candidate, candidate: Make): Chosen {
  if (does(asked)) {
    const other = isWorth(asked) ? theList(asked, candidate) : undefined;
    if (!other) return asked;
    const instead = `--edit would change ${rulesWord(other.rules)} of its list instead`;
    return { ...asked, why: `Chosen: ${rulesWord(asked.added)} more, and the mesh's own stay as they are; ${instead}` };
  }
  const behind = candidate({ ...asked.request, behind: true });
  if (does(behind))
    return {
      ...behind,
      why: `Chosen: right before the rule that catches; at the top it would take more: ${beyondWords(asked)}`,
    };
  const list = theList(asked, candidate);
  if (!list) return asked;
  return { ...asked, why: `Instead: --edit does only this, by changing ${rulesWord(list.rules)} of the mesh's list` };
}

/** The mesh's own list, where it would do. With --ahead nobody can ask for it. */
function theList({ request }: Candidate, candidate: Make): Candidate | undefined {
  if (request.ahead) return undefined;
  const list = candidate({ ...request, edit: true });
  return does(list) && list.proof.open.length === 0 && isWorth(list) ? list : undefined;
}

/** The first that does what was asked; those behind it are not looked at. */
function firstThatDoes(requests: readonly BypassRequest[], candidate: Make): Candidate | undefined {
  for (const request of requests) {
    const found = candidate(request);
    if (does(found)) return found;
  }
  return undefined;
}

type Make = (request: BypassRequest) => Candidate;

/** What was asked for, and nothing else. */
const does = ({ proof: { beyond, left } }: Pick<Candidate, 'proof'>): boolean =>
  beyond.length === 0 && left.length === 0;

/** It changes something, and some of the packets then reach somebody. */
const isWorth = ({ proof, rules }: Candidate): boolean => rules > 0 && !cutsAll(proof);

const rulesWord = (rules: number): string => count(rules, 'rule');

/** What else would change, or would not though it was asked for: the first of it. */
function beyondWords({ proof: { beyond, left } }: Candidate): string {
  const [first] = [...beyond, ...left];
  const family = first?.family === 'ipv6' ? 'IPv6 ' : '';
  return first
    ? `${family}${packetsSaid(first, 1).join(', ')}${beyond.length > 0 ? '' : ' would still be caught'}`
    : '';
}
