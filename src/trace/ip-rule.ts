import { type AddressValue, type Family, masked, maskOf, parsePrefix, type Range } from '../address/index.ts';
import { type Answer, protocolNumber, type RoutingRule, spanOf } from '../netfilter/index.ts';

/** What policy routing looks at. What is not known of a packet is undefined. */
export interface Flow {
  /** A packet of this host's own has 0 until its source is chosen. */
  readonly source?: AddressValue | undefined;
  readonly destination: AddressValue;
  /** Packets of this host's own come in by `lo`. Source: fib_rules.c, fib_rule_match; ip-rule(8). */
  readonly in?: string | undefined;
  readonly mark: number | undefined;
  /** Of a packet from elsewhere it is 0. */
  readonly uid?: number | undefined;
  readonly protocol?: number | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

/** What a line of `ip rule` does with the packets that it takes. */
export type RuleAction =
  /** `suppress`: a route with a prefix of at most this length is not taken. */
  | { readonly kind: 'table'; readonly table: number; readonly suppress: number }
  | { readonly kind: 'goto'; readonly priority: number }
  | { readonly kind: 'refuse'; readonly how: string }
  | { readonly kind: 'nothing' };

/** A line of `ip rule`, ready to be asked. */
export interface PolicyRule {
  readonly priority: number;
  /** Its conditions but for the mark, in ip's words. */
  readonly words: string;
  readonly mark: RoutingRule['mark'];
  /** The fields of a packet that it asks for. */
  readonly asks: ReadonlySet<keyof Flow>;
  /** Values at which an answer of its begins or ends: the first of each range, and the first beyond it. */
  readonly edges: readonly { readonly field: keyof Flow; readonly range: Range }[];
  readonly action: RuleAction;
  test(flow: Flow): Answer;
}

/** A condition, and what it asks for. */
interface Condition {
  readonly field?: keyof Flow;
  readonly range?: Range;
  test(flow: Flow): Answer;
}

const UNDECIDED: Condition = { test: () => 'undecided' };
const FAILS: Condition = { test: () => false };

const REFUSALS = ['blackhole', 'unreachable', 'prohibit'];

/** Reads what a line of `ip rule` asks for. A word that is not known makes it undecided. */
export function policyRule(rule: RoutingRule): PolicyRule {
  const { family, priority, table, mark, other = '' } = rule;
  const conditions: Condition[] = mark ? [marked(mark)] : [];
  let inverted = false;
  let suppress = -1;
  let action: RuleAction | undefined;
  const words = other.split(' ').filter((word) => word !== '');
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'not') inverted = true;
    else if (word === 'nop' || word === 'unresolved') action = { kind: 'nothing' };
    else if (REFUSALS.includes(word)) action = { kind: 'refuse', how: word };
    else if (word === 'goto') action ??= { kind: 'goto', priority: Number(words.shift()) };
    else if (word === 'suppress_prefixlength') suppress = Number(words.shift());
    else conditions.push(conditionOf(word, words, family));
  }
  if (action?.kind === 'goto' && other.includes('unresolved')) action = { kind: 'nothing' };
  return {
    priority,
    words: other,
    mark,
    asks: new Set(conditions.flatMap(({ field }) => (field === undefined ? [] : [field]))),
    edges: conditions.flatMap(({ field, range }) => (field && range ? [{ field, range }] : [])),
    action: action ?? { kind: 'table', table, suppress },
    test: (flow) => {
      const answer = together(conditions, flow);
      return inverted && answer !== 'undecided' ? !answer : answer;
    },
  };
}

function together(conditions: readonly Condition[], flow: Flow): Answer {
  let result: Answer = true;
  for (const condition of conditions) {
    const answer = condition.test(flow);
    if (answer === false) return false;
    if (answer === 'undecided') result = answer;
  }
  return result;
}

const marked = ({ value, mask }: { readonly value: number; readonly mask: number }): Condition => ({
  field: 'mark',
  test: ({ mark }) => (mask === 0 ? value === 0 : mark === undefined ? 'undecided' : masked(mark, mask) === value),
});

/** Takes the values of a condition from the words after it. */
function conditionOf(word: string, words: string[], family: Family): Condition {
  switch (word) {
    case 'from':
      return within('source', words.shift() ?? '', family);
    case 'to':
      return within('destination', words.shift() ?? '', family);
    case 'iif': {
      const name = words.shift();
      return { field: 'in', test: (flow) => (flow.in === undefined ? 'undecided' : flow.in === name) };
    }
    case 'oif':
      // Only a socket that is bound to a device asks for one.
      words.shift();
      return FAILS;
    case 'iif_detached':
    case 'oif_detached':
      return FAILS;
    case 'uidrange':
      return among('uid', words.shift() ?? '');
    case 'ipproto': {
      const wanted = protocolNumber(words.shift() ?? '');
      if (wanted === undefined) return UNDECIDED;
      return {
        field: 'protocol',
        range: [wanted, wanted],
        test: ({ protocol }) => (protocol === undefined ? 'undecided' : protocol === wanted),
      };
    }
    case 'sport':
      return among('sourcePort', words.shift() ?? '');
    case 'dport':
      return among('destinationPort', words.shift() ?? '');
    default:
      return UNDECIDED;
  }
}

function within(end: 'source' | 'destination', word: string, family: Family): Condition {
  const [host = '', length] = word.split('/');
  const prefix = parsePrefix(host);
  if (prefix?.family !== family) return UNDECIDED;
  const mask = length === undefined ? prefix.mask : maskOf(family, Number(length));
  const wanted = masked(prefix.value, mask);
  return {
    field: end,
    range: spanOf({ value: wanted, mask }, family),
    test: (flow) => {
      const address = flow[end];
      return address === undefined ? 'undecided' : masked(address, mask) === wanted;
    },
  };
}

/** `1000-2000`, `53`. */
function among(field: 'uid' | 'sourcePort' | 'destinationPort', word: string): Condition {
  const [low = 0, high = low] = word.split('-').map(Number);
  return {
    field,
    range: [low, high],
    test: (flow) => {
      const value = flow[field];
      return value === undefined ? 'undecided' : value >= low && value <= high;
    },
  };
}
