import { type Family, formatPortRange } from '../address/index.ts';
import type { Rule, RuleSet, TableName } from '../netfilter/index.ts';
import { parseRule, printRule } from '../text/index.ts';
import { asDateStop } from './bypass-request.ts';
import { BYPASS_COMMENT, disarmedComment, formerTarget } from './comments.ts';
import type { Ports } from './port-sets.ts';

/** Where a bypass stands, and how long it holds. */
export interface BypassPlace {
  readonly family: Family;
  readonly table: TableName;
  readonly scope: BypassScope;
  readonly until: number | undefined;
}

/** What a rule asks for beside the ports, by what it is for: words before and behind the protocol. */
const ASKED = {
  /** Whatever meets it. */
  any: ['', ''],
  /** What comes from elsewhere, and not what this host sends to itself, which meets the rule as it comes in again by `lo`. */
  arriving: ['! -i lo ', ''],
  /** What this host sends to itself. */
  own: ['-o lo ', ''],
  /** The same, where routes of a TPROXY send what has a mark to `lo`, wherever it is for. */
  'own addresses': ['-o lo ', '-m addrtype --dst-type LOCAL '],
  /** The same as it comes in again. */
  returning: ['-i lo ', '-m addrtype --dst-type LOCAL '],
} as const;

/** What a bypass is for, beside its ports. */
export type BypassScope = keyof typeof ASKED;

/** What a rule of Sidestep's is for. */
export function scopeOf({ header, matches }: Rule): BypassScope {
  // A rule of the mesh's own that was disarmed may be for a card.
  if (header.in?.value === 'lo') return header.in.negated ? 'arriving' : 'returning';
  if (header.out?.value !== 'lo') return 'any';
  return matches.some(({ name }) => name === 'addrtype') ? 'own addresses' : 'own';
}

/** Whether it is for this host's own calls alone. */
export const isOfOwn = (rule: Rule): boolean => ['own', 'own addresses', 'returning'].includes(scopeOf(rule));

/** How many ports multiport takes; a range counts as two. Source: XT_MULTI_PORTS in xt_multiport.h. */
const MOST = 15;

/**
 * The rules that let these ports pass, as few as may be: one port or one range in the form of the 2018 post,
 * `-p tcp --dport 8888 -j RETURN`, several with multiport.
 */
export const bypassRules = (ports: Ports, place: BypassPlace): readonly Rule[] =>
  groupsOf(ports).map((group) => {
    const words = group.map((range) => formatPortRange(range));
    const match = words.length === 1 ? `--dport ${words[0]}` : `-m multiport --dports ${words.join(',')}`;
    const end = place.until === undefined ? '' : ` -m time --datestop ${asDateStop(place.until)}`;
    const [way, addresses] = ASKED[place.scope];
    const spec = `${way}-p tcp ${addresses}${match} -m comment --comment "${BYPASS_COMMENT}"${end} -j RETURN`;
    return parseRule(spec, { family: place.family, table: place.table });
  });

function groupsOf(ports: Ports): Ports[] {
  const groups: (readonly [number, number])[][] = [];
  let room = 0;
  for (const range of ports) {
    const size = range[0] === range[1] ? 1 : 2;
    if (size > room) {
      groups.push([]);
      room = MOST;
    }
    groups.at(-1)?.push(range);
    room -= size;
  }
  return groups;
}

/** A rule of the mesh's list turned into a RETURN in its place, with what it did before in its comment. */
export function disarmed(rule: Rule, family: Family, table: TableName): Rule {
  const { target, ...rest } = rule;
  if (!target) return rule;
  const was = printRule({ header: {}, matches: [], target }, family);
  const added = parseRule(`-m comment --comment "${disarmedComment(was)}" -j RETURN`, { family, table });
  return { ...rest, ...(added.target ? { target: added.target } : {}), matches: [...rule.matches, ...added.matches] };
}

/** A disarmed rule as it was; undefined when the chain that it jumped to is gone. */
export function rearmed(rule: Rule, rules: RuleSet, table: TableName): Rule | undefined {
  const former = formerTarget(rule);
  if (former === undefined) return undefined;
  const chains = rules.tables.find(({ name }) => name === table)?.chains.map(({ name }) => name) ?? [];
  const { family } = rules;
  try {
    // A target may ask for the rule's protocol: REDIRECT to a port does.
    const { protocol } = rule.header;
    const spec = protocol && !protocol.negated ? `-p ${protocol.value} ${former}` : former;
    const { target } = parseRule(spec, { family, table, chains });
    const ownComment = disarmedComment(former);
    const matches = rule.matches.filter(
      (use) => !(use.kind === 'known' && (use.options as { readonly comment?: string }).comment === ownComment),
    );
    const known =
      target?.kind !== 'jump' && target?.kind !== 'goto' ? target !== undefined : chains.includes(target.chain);
    return target && known ? { ...rule, target, matches } : undefined;
  } catch {
    // A comment that only looks like ours: the rule is left as it is.
    return undefined;
  }
}
