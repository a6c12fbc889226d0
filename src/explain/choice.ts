import { afterBypass, type BypassRequest, planBypass } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { type Proof, proveBypass, withoutEnd } from './proof.ts';
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
interface Candidate {
  readonly request: BypassRequest;
  readonly proof: Proof;
  /** How many rules come, go or change. */
  readonly rules: number;
}

/**
 * The best plan for a request. Candidates are a rule at the top of the built-in chain, where nothing can come before it; one right
 * before the rule that catches; and with `edit` the mesh's own list, which is otherwise left alone. Best is what does what was asked
 * and changes nothing else, by the fewest rules. Where none does, the request as it is, with what else it would change.
 */
export function placed(before: Snapshot, request: BypassRequest, proxyPorts: readonly number[]): Chosen {
  const candidate = (one: BypassRequest): Candidate => {
    const endless = withoutEnd(one);
    const proof = proveBypass(before, afterBypass(before, { request: endless }), endless, proxyPorts);
    return { request: one, proof, rules: rulesOf(before, one) };
  };
  const asked = candidate(request);
  if (request.ahead) return asked;
  const { edit, ...plain } = request;
  return edit ? edited(before, asked, candidate, plain) : inserted(before, asked, candidate);
}

/** The list was asked for: it is taken where it does what was asked, though a rule before it would do, too. */
function edited(before: Snapshot, asked: Candidate, candidate: Make, plain: BypassRequest): Chosen {
  if (does(asked)) {
    const [own, other] = [asked.rules, addedBy(before, plain)];
    const instead = `Chosen: ${count(own, 'rule')} of the mesh's own list ${own === 1 ? 'changes' : 'change'}, as asked for`;
    return own === 0
      ? asked
      : { ...asked, why: `${instead}; without --edit ${rulesWord(other)} would be put before it` };
  }
  const found = [plain, { ...plain, behind: true }].map(candidate).find(does);
  if (!found) return asked;
  return {
    ...found,
    why: `Chosen: a rule before the mesh's own list, which cannot be changed for this alone: ${beyondWords(asked)}`,
  };
}

function inserted(before: Snapshot, asked: Candidate, candidate: Make): Chosen {
  const list = { ...asked.request, edit: true };
  if (does(asked)) {
    const other = asked.rules === 0 ? 0 : rulesOf(before, list);
    if (other === 0) return asked;
    const instead = `--edit would change ${rulesWord(other)} of its list instead`;
    const more = rulesWord(addedBy(before, asked.request));
    return { ...asked, why: `Chosen: ${more} more, and the mesh's own stay as they are; ${instead}` };
  }
  const behind = candidate({ ...asked.request, behind: true });
  if (does(behind))
    return {
      ...behind,
      why: `Chosen: right before the rule that catches; at the top it would take more: ${beyondWords(asked)}`,
    };
  const instead = candidate(list);
  if (!does(instead) || instead.rules === 0) return asked;
  return {
    ...asked,
    why: `Instead: --edit does only this, by changing ${rulesWord(instead.rules)} of the mesh's list`,
  };
}

type Make = (request: BypassRequest) => Candidate;

/** What was asked for, and nothing else. */
const does = ({ proof: { beyond, left } }: Candidate): boolean => beyond.length === 0 && left.length === 0;

const rulesOf = (before: Snapshot, request: BypassRequest): number => planBypass(before, request).changes.length;

/** How many rules come; those that only move are among them. */
const addedBy = (before: Snapshot, request: BypassRequest): number =>
  planBypass(before, request).changes.filter(({ action }) => action === 'insert').length;

const rulesWord = (rules: number): string => count(rules, 'rule');

/** What else would change, or would not though it was asked for: the first of it. */
function beyondWords({ proof: { beyond, left } }: Candidate): string {
  const [first] = [...beyond, ...left];
  const family = first?.family === 'ipv6' ? 'IPv6 ' : '';
  return first
    ? `${family}${packetsSaid(first, 1).join(', ')}${beyond.length > 0 ? '' : ' would still be caught'}`
    : '';
}
