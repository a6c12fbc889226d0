import {
  contentOf,
  effectOf,
  type HookName,
  isNftRule,
  isTableName,
  type KernelAccount,
  type KernelEvent,
  type NftRule,
  type Packet,
  type Rule,
  type Snapshot,
  STAGES,
} from '../netfilter/index.ts';
import type { CompiledRule } from './program.ts';
import type { Outcome, Step } from './result.ts';

type RuleEvent = Extract<KernelEvent, { readonly kind: 'rule' }>;

/** The packet as the kernel last told it. */
export const lastPacket = (events: readonly KernelEvent[]): Packet | undefined =>
  events.flatMap((event) => ('packet' in event ? [event.packet] : [])).at(-1);

/** Where the kernel's own account ends. */
export function kernelOutcome({ events, direction }: KernelAccount, proxyPorts: readonly number[]): Outcome {
  const last = events.at(-1);
  switch (last?.kind) {
    case 'received': {
      const { destinationPort: port } = last.packet;
      const because = 'the kernel handed it to this host';
      if (port === undefined) return { kind: 'delivered', because };
      return proxyPorts.includes(port) ? { kind: 'proxy', port, because } : { kind: 'app', port, because };
    }
    case 'leaves': {
      const out = last.packet.out ?? '';
      return { kind: direction === 'in' ? 'forwarded' : 'sent', out, because: `the kernel sent it by ${out}` };
    }
    case 'rule':
      if (last.verdict === 'drop') return { kind: 'dropped', because: `${placeOf(last)} dropped or rejected it` };
      break;
    case 'policy':
      if (last.policy === 'DROP')
        return { kind: 'dropped', because: `the policy of ${last.table} ${last.chain} dropped it` };
  }
  const after = last && 'chain' in last ? `after ${last.table} ${last.chain}` : 'after it began';
  return { kind: 'unknown', because: `the kernel told nothing more of it ${after}` };
}

const placeOf = ({ table, chain, number }: RuleEvent): string =>
  `${table} ${chain}${number === undefined ? '' : ` ${number}`}`;

/** The kernel's events from one on, as steps of a walk. */
export function kernelSteps({ events, packet: began }: KernelAccount, from: number, held: Snapshot): readonly Step[] {
  const steps: Step[] = [];
  const depths = new Map<string, number>();
  let hook: HookName | undefined;
  let packet = lastPacket(events.slice(0, from)) ?? began;
  for (const [index, event] of events.entries()) {
    const shown = index >= from;
    switch (event.kind) {
      case 'asked': {
        const { table, chain } = event;
        ({ packet } = event);
        depths.clear();
        const at = hookOf(held, table, chain) ?? hook ?? 'PREROUTING';
        const pass = packet.in === 'lo' ? 2 : 1;
        if (shown && at !== hook) steps.push({ kind: 'hook', hook: at, pass, packet });
        hook = at;
        const native = table.includes(' ');
        if (shown)
          steps.push({ kind: 'table', hook, table, backend: native ? 'native' : 'nft', ...(native ? { chain } : {}) });
        break;
      }
      case 'rule': {
        const depth = depths.get(event.chain) ?? 0;
        if (event.target !== undefined) depths.set(event.target, depth + 1);
        packet = { ...packet, mark: event.mark };
        if (shown) steps.push(ruleStep(event, { held, packet, depth, hook: hook ?? 'PREROUTING' }));
        break;
      }
      case 'policy':
        if (shown) steps.push({ kind: 'policy', table: event.table, chain: event.chain, policy: event.policy });
        break;
    }
  }
  return steps;
}

function ruleStep(
  event: RuleEvent,
  {
    held,
    packet,
    depth,
    hook,
  }: Pick<Extract<Step, { kind: 'rule' }>, 'packet' | 'depth' | 'hook'> & { held: Snapshot },
): Step {
  const { table, chain, number, verdict } = event;
  const rule = number === undefined ? undefined : heldRule(held, packet.family, { table, chain, number });
  const place = { kind: 'rule', hook, table, chain, number: number ?? 0, depth, packet, answer: 'matched' } as const;
  if (!rule) {
    const unread: Rule = { header: {}, matches: [] };
    return { ...place, rule: unread, note: `${verdict}: a rule that was not there when the rules were read` };
  }
  if (isNftRule(rule)) return { ...place, rule, note: verdict };
  return { ...place, rule, effect: effectOf(rule.target, packet.family) };
}

/**
 * Whether a rule that the kernel says matched is this one. Where the rules that are followed are not those that the kernel
 * holds, its place tells nothing: it has to say the same.
 */
export function sameRuleIn(simulated: Snapshot, held: Snapshot): (event: RuleEvent, rule: CompiledRule) => boolean {
  const sameChain = (event: RuleEvent, { chain }: CompiledRule): boolean =>
    event.chain === chain.name && event.table === chain.table;
  if (simulated === held) return (event, rule) => sameChain(event, rule) && event.number === rule.number;
  const contents = new WeakMap<object, string>();
  const content = (rule: Rule | NftRule): string => {
    const known = contents.get(rule) ?? contentOf(rule);
    contents.set(rule, known);
    return known;
  };
  return (event, compiled) => {
    const { number, table, chain } = event;
    if (number === undefined || !sameChain(event, compiled)) return false;
    const rule = heldRule(held, event.family, { table, chain, number });
    return rule !== undefined && content(rule) === content(compiled.rule);
  };
}

/** The rule at a place, as the kernel held it. */
function heldRule(
  { held, native = [] }: Snapshot,
  family: Packet['family'],
  { table, chain, number }: { readonly table: string; readonly chain: string; readonly number: number },
): Rule | NftRule | undefined {
  if (isTableName(table)) {
    const own = held.find(({ backend, rules }) => backend === 'nft' && rules.family === family);
    const chains = own?.rules.tables.find(({ name }) => name === table)?.chains;
    const rule = chains?.find(({ name }) => name === chain)?.rules[number - 1];
    return rule?.nft ?? rule;
  }
  const chains = native.find((one) => `${one.family} ${one.name}` === table)?.chains;
  return chains?.find(({ name }) => name === chain)?.rules[number - 1];
}

/** The hook of a base chain: iptables calls them so. */
function hookOf({ native = [] }: Snapshot, table: string, chain: string): HookName | undefined {
  const known = Object.keys(STAGES) as HookName[];
  if (isTableName(table)) return known.find((hook) => hook === chain);
  const found = native.find((one) => `${one.family} ${one.name}` === table)?.chains.find(({ name }) => name === chain);
  return known.find((hook) => hook.toLowerCase() === found?.base?.hook);
}
