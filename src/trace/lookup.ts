import { type AddressValue, formatAddress } from '../address/index.ts';
import type { Decide } from './decisions.ts';
import { find, type Host, isLinkLocal, LOOPBACK, TABLE } from './host.ts';
import type { Flow, PolicyRule } from './ip-rule.ts';
import type { Routed } from './routes.ts';

/** What a lookup needs besides the host. */
export interface Lookup extends Flow {
  /** The mark came from a rule: then a routing rule for it is likely. */
  readonly marked: boolean;
  /** The mark is one that TPROXY sets: then a routing rule for it is certain. */
  readonly handed?: boolean;
  /** The device that it was to leave by, when it is routed again: a link-local address is looked for there. */
  readonly leaving?: string | undefined;
  /** The only device whose routes are looked at. */
  readonly bound?: string | undefined;
  /** IPv6: of routes for one prefix, one by such a device is taken. Source: net/ipv6/route.c, rt6_device_match. */
  readonly preferred?: ((device: string) => boolean) | undefined;
  /** The destination is taken to be this host's own, for no interfaces are known. */
  readonly taken?: boolean;
}

/**
 * Looks a route up: the routing rules in order of priority, in each table the longest prefix.
 * Source: net/core/fib_rules.c, fib_rules_lookup.
 */
export function lookUp(host: Host, lookup: Lookup, decide: Decide): Routed {
  const { destination, mark, marked, in: from } = lookup;
  if (lookup.taken) return { kind: 'local', table: TABLE.local };
  // A link-local address, and ::1 for what comes from outside, is looked for on the interface that the packet came in by, or was to leave by.
  const by = lookup.leaving || (from === LOOPBACK || from === '' ? undefined : from);
  const strict = isLinkLocal(destination) || (destination === 1n && from !== LOOPBACK);
  const on = lookup.bound ?? (host.known && strict ? by : undefined);
  for (let at = 0; at < host.rules.length; at += 1) {
    const rule = host.rules[at]!;
    const answer = rule.test(lookup);
    if (answer === false) continue;
    if (rule.mark && mark === undefined) return { kind: 'unknown', because: 'the mark of the packet is not known' };
    if (rule.priority > 0 && marked && !host.rulesKnown) {
      const elsewhere = steeredBecause(lookup, decide);
      if (elsewhere !== undefined) return { kind: 'unknown', because: elsewhere };
    }
    const found = outcomeOf(host, rule, lookup, on);
    if (!found || (answer === 'undecided' && !applies(rule, destination, decide))) continue;
    if (typeof found === 'object') return found;
    // The kernel takes no goto that leads back. The loop goes on from the rule before.
    if (found > at) at = found - 1;
  }
  return { kind: 'refused', because: `no route to ${formatAddress(host.family, destination)}` };
}

/** Where routing rules were not read: why a marked packet's way is not known. It is followed as if no rule asked for the mark. */
function steeredBecause({ mark = 0, handed = false }: Lookup, decide: Decide): string | undefined {
  const hex = `0x${mark.toString(16)}`;
  const because = `whether an ip rule routes mark ${hex} elsewhere: routing rules were not read`;
  if (handed) return because;
  const plain = decide(`ip rule for ${hex}`, {
    where: 'routing',
    because: `${because}. A snapshot tells`,
    yes: `no ip rule routes mark ${hex} elsewhere`,
    no: `an ip rule routes mark ${hex} elsewhere`,
  });
  return plain ? undefined : because;
}

/** Where a rule leads: to a route, to another rule by its index, or nowhere. */
function outcomeOf(
  host: Host,
  { action, priority }: PolicyRule,
  { destination, preferred }: Lookup,
  on: string | undefined,
): Routed | number | undefined {
  switch (action.kind) {
    case 'table': {
      const route = find(host, action.table, destination, on, preferred);
      // A route that refuses is not suppressed, however short it is.
      if (route?.kind === 'throw') return undefined;
      return route && (route.routed.kind === 'refused' || route.length > action.suppress) ? route.routed : undefined;
    }
    case 'goto': {
      const index = host.rules.findIndex((rule) => rule.priority === action.priority);
      return index < 0 ? undefined : index;
    }
    case 'refuse':
      return { kind: 'refused', because: `ip rule ${priority} says ${action.how}` };
    case 'nothing':
      return undefined;
  }
}

function applies({ priority, words }: PolicyRule, destination: AddressValue, decide: Decide): boolean {
  const where = `ip rule ${priority}`;
  const because = `whether "${words}" holds for it is not known`;
  return decide(`route ${priority} ${destination}`, {
    where,
    because,
    yes: `${where} applies`,
    no: `${where} does not apply`,
  });
}
