import { type Family, formatPrefix } from '../address/index.ts';
import {
  type Effect,
  effectOf,
  type FieldName,
  field,
  formatField,
  isNftRule,
  NFT_WORDS,
  type NftRule,
  type Packet,
  type Rule,
  type TargetUse,
} from '../netfilter/index.ts';
import { printNftRule, printRule } from '../text/index.ts';
import type { RuleStep } from '../trace/index.ts';
import { endpoint, portWord } from './words.ts';

/**
 * A rule as it is typed, without the `-m tcp` that `-p tcp` implies: what a walk shows.
 *
 * @example ruleWords(rule, 'ipv4') // '-p tcp --dport 8080 -j ISTIO_IN_REDIRECT'
 */
export function ruleWords(rule: Rule, family: Family): string {
  const text = printRule(rule, family);
  // Only before the first quote: a comment may hold anything.
  const quote = text.indexOf('"');
  const head = quote < 0 ? text : text.slice(0, quote);
  return head.replace(/-p (\S+) -m \1 (?=!? ?--)/, '-p $1 ') + text.slice(head.length);
}

/** The rule of a step, short; a native one as nft lists it. */
export const stepRuleWords = (step: RuleStep): string =>
  isNftRule(step.rule) ? stepRuleText(step) : ruleWords(step.rule, step.packet.family);

/** The rule of a step as its own tool writes it; one of nft's in a table of iptables as `list` does. */
export function stepRuleText({ rule, native, packet, table: name }: RuleStep): string {
  if (!isNftRule(rule)) return printRule(rule, packet.family);
  const family = packet.family === 'ipv4' ? 'ip' : 'ip6';
  const iptables = { family, name, flags: [], objects: [], sets: [], flowtables: [], chains: [] } as const;
  const words = printNftRule({ statements: rule.statements }, native ?? iptables);
  return native ? words : `${NFT_WORDS} ${words}`;
}

/** What names a port as the proxy's, so that a listing can say "→ proxy :15001". */
export type IsProxyPort = (port: number) => boolean;

/** What a rule does, in the short form of a listing: `→ ISTIO_INBOUND`, `→ proxy :15001`, `↩ RETURN`. */
export function effectWords(rule: Rule, family: Family, isProxy: IsProxyPort): string {
  const { target } = rule;
  if (!target) return 'counts';
  if (target.kind === 'opaque') return target.name ? ['-j', target.name, ...target.words].join(' ') : '? not read';
  const effect = effectOf(target, family);
  switch (effect.kind) {
    case 'accept':
      return '✓ ACCEPT';
    case 'drop':
      return '✗ DROP';
    case 'reject':
      return `✗ REJECT with ${effect.with}`;
    case 'return':
      return '↩ RETURN';
    case 'jump':
      return `→ ${effect.chain}`;
    case 'goto':
      return `⇒ ${effect.chain} (goto)`;
    case 'queue':
      return `handed to a program (NFQUEUE)${effect.bypass ? ', or passed on where none listens' : ''}`;
    case 'nat':
      return natWords(effect, family, isProxy);
    case 'tproxy':
      return `${isProxy(effect.port) ? '→ proxy' : '→ socket'} ${effect.port === 0 ? 'on its own port' : `:${effect.port}`} (TPROXY)`;
    case 'unknown':
      return target.kind === 'known' ? target.name : effect.because;
    case 'continue': {
      const assigned = effect.assign.map((assignment) => {
        const { field: of, xor, add } = assignment;
        if (xor === 'unknown') return `${spokenField(of)} := what ${targetName(target)} finds`;
        if (typeof xor !== 'number') return `${spokenField(of)} ← ${spokenField(xor.field)}`;
        if (add) return `${spokenField(of)} ${add < 0 ? '−' : '+'} ${Math.abs(add)}`;
        return `${spokenField(of)} := ${formatField(of, xor, family)}`;
      });
      return assigned.length > 0 ? assigned.join(', ') : target.kind === 'known' ? target.name : 'goes on';
    }
  }
}

const spokenField = (name: FieldName): string => (name === 'ctstate' ? name : field(name).spoken);

const targetName = (target: TargetUse): string => ('name' in target ? target.name : target.chain);

function natWords(effect: Effect & { kind: 'nat' }, family: Family, isProxy: IsProxyPort): string {
  const { address, ports, change } = effect;
  const port = ports ? portWord(ports) : '';
  if (change === 'source') {
    if (address === 'outgoing') return `from the outgoing interface's address${port} (MASQUERADE)`;
    return `from ${addressRange(family, address)}${port} (SNAT)`;
  }
  if (change === 'either') return `${addressRange(family, address)} for its network (NETMAP)`;
  if (address === 'here') return ports && isProxy(ports[0]) ? `→ proxy ${port}` : `→ this host ${port}`.trimEnd();
  return `→ ${addressRange(family, address)}${port} (DNAT)`;
}

function addressRange(family: Family, address: (Effect & { kind: 'nat' })['address']): string {
  if (address === undefined || typeof address === 'string') return '';
  if ('mask' in address) return formatPrefix({ family, ...address });
  const [low, high] = address;
  return low === high ? endpoint(family, low) : `${endpoint(family, low)}–${endpoint(family, high)}`;
}

/** Where a rule of a walk stands. */
export interface RulePlace {
  readonly table: string;
  /** How many jumps deep: 0 in a chain that the kernel itself asks. */
  readonly depth: number;
  readonly rule: Rule | NftRule;
}

/** What a matched rule did to a packet, in one clause; empty where the rule's own words say it. */
export function doneWords(effect: Effect, before: Packet, after: Packet | undefined, place: RulePlace): string {
  const { family } = before;
  switch (effect.kind) {
    case 'accept':
      return isNftRule(place.rule) ? `${place.table} lets it pass here` : `the ${place.table} table lets it pass`;
    case 'drop':
      return 'dropped';
    case 'reject':
      return `rejected with ${effect.with}`;
    case 'return':
      return place.depth === 0 ? 'the policy decides' : 'back to the calling chain';
    case 'jump':
    case 'goto':
      return '';
    case 'queue':
      return 'handed to a program: what it decides is not known';
    case 'tproxy':
      return `to :${effect.port === 0 ? before.destinationPort : effect.port}, header unchanged`;
    case 'nat': {
      if (!after) return '';
      return effect.change === 'source' || (effect.change === 'either' && after.source !== before.source)
        ? `from ${endpoint(family, after.source, after.sourcePort)}`
        : `to ${endpoint(family, after.destination, after.destinationPort)}`;
    }
    case 'unknown':
      return effect.because;
    case 'continue': {
      if (!after) return '';
      const changes = effect.assign.map(({ field }) => {
        const value = after[field];
        return `${spokenField(field)} is now ${value === undefined ? 'not known' : formatField(field, value, family)}`;
      });
      return changes.join(', ');
    }
  }
}

/** All that a rule did to the packet that it matched, in one clause. */
export function stepWords(step: RuleStep): string {
  const { effect, effects = effect ? [effect] : [], packet, changed } = step;
  return effects
    .map((each) => doneWords(each, packet, changed, step))
    .filter((words) => words !== '')
    .join(', ');
}

/** Whether nothing after this rule is asked in its table. */
export const endsTable = (effect: Effect | undefined): boolean =>
  effect !== undefined && ['accept', 'drop', 'reject', 'nat', 'tproxy', 'queue'].includes(effect.kind);
