import { type HeldRules, type Rule, TABLES, type Table, type Unread } from '../../netfilter/index.ts';
import { isHiddenChain } from './hidden-chain.ts';
import { ANYWHERE, NO_INTERFACES } from './rule.ts';

/** What a listing leaves out, each kind once, with the command that shows it. */
export function unshownParts(held: readonly HeldRules[]): Unread[] {
  return held.flatMap(({ rules: { family, tables } }) => {
    const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
    const hint = `${tool}-save shows everything.`;
    const rules = tables.flatMap(({ chains }) => chains.flatMap((chain) => (isHiddenChain(chain) ? [] : chain.rules)));
    const asked = (flags: string): string =>
      `${tables.map(({ name }) => `${tool} -t ${name} -L ${flags}`).join(' and ')} ${tables.length > 1 ? 'show' : 'shows'} them, ${hint}`;
    const reasons = byReason(rules);
    const parts: Unread[] = [];
    if (reasons.has(NO_INTERFACES))
      parts.push({
        about: 'listing',
        what: 'the interfaces that rules ask for (-i, -o)',
        because: `${tool} -L shows them with -v only, so any rule may ask for one`,
        hint: asked('-n -v'),
      });
    if (reasons.has(ANYWHERE))
      parts.push({
        about: 'listing',
        what: 'addresses that begin with ::',
        because: `without -n ${tool} -L calls them anywhere`,
        hint: `With -n it shows them, ${hint}`,
      });
    reasons.delete(NO_INTERFACES);
    reasons.delete(ANYWHERE);
    for (const [because, of] of [...reasons].slice(0, MOST_REASONS))
      parts.push({ about: 'listing', what: allOf(because, of), because, hint });
    const rest = new Set([...reasons.values()].slice(MOST_REASONS).flat());
    if (rest.size > 0)
      parts.push({
        about: 'listing',
        what: `all that ${rest.size === 1 ? 'one other rule asks' : `${rest.size} other rules ask`} for`,
        because: 'names without their numbers, or words that do not tell enough',
        hint,
      });
    parts.push(...tables.flatMap((table) => hiddenChains(table, tool)));
    const missing = TABLES.filter((name) => !tables.some((table) => table.name === name));
    if (missing.length > 0)
      parts.push({
        about: 'rules',
        what: `the ${missing.length > 1 ? 'tables' : 'table'} ${inWords(missing)}`,
        because: 'the text lists others only',
        hint,
      });
    return parts;
  });
}

/** More reasons than these are told as one. */
const MOST_REASONS = 6;

/** The rules of which something is not shown, by the reason. */
function byReason(rules: readonly Rule[]): Map<string, Rule[]> {
  const reasons = new Map<string, Rule[]>();
  for (const rule of rules)
    for (const because of new Set(reasonsOf(rule))) {
      const before = reasons.get(because);
      if (before) before.push(rule);
      else reasons.set(because, [rule]);
    }
  return reasons;
}

/** Why something of a rule is not known: what it asks for, what it does. */
const reasonsOf = ({ unshown = [], target }: Rule): string[] => [
  ...unshown.map(({ because }) => because),
  ...(target?.kind === 'opaque' && target.because !== undefined ? [target.because] : []),
];

/** Rules by the first of them: what they ask for, or what they do. */
function allOf(because: string, rules: readonly Rule[]): string {
  const [first] = rules;
  const does = first?.target?.kind === 'opaque' && first.target.because === because;
  if (rules.length === 1)
    return `${does ? 'what' : 'all that'} the rule in line ${first?.line} ${does ? 'does' : 'asks for'}`;
  return `${does ? 'what' : 'all that'} ${rules.length} rules ${does ? 'do' : 'ask for'}, the first in line ${first?.line}`;
}

function hiddenChains({ name, chains }: Table, tool: string): Unread[] {
  const hidden = chains.filter(isHiddenChain).map((chain) => chain.name);
  if (hidden.length === 0) return [];
  return [
    {
      about: 'listing',
      what: `the ${hidden.length > 1 ? 'chains' : 'chain'} ${inWords(hidden)} of ${name}`,
      because: 'the text lists others only',
      hint: `${tool} -t ${name} -L -n -v shows all of them.`,
    },
  ];
}

const inWords = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
