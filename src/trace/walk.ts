import { CTSTATUS, PATH, type Stop, type StopName } from '../netfilter/index.ts';
import { attach, refresh } from './arrival.ts';
import { leave, receive } from './ends.ts';
import { putTogether } from './fragments.ts';
import { LOOPBACK } from './host.ts';
import type { Outcome } from './result.ts';
import { arrivalRoute, departureRoute, neverTaken } from './routing.ts';
import { snapshotOf, type Walk } from './state.ts';
import { askChain, askTable, natsOf, say } from './table.ts';

/** Follows the packet from where it begins to where it ends. Everything it does to the walk is in `walk` afterwards. */
export function follow(walk: Walk): Outcome {
  const { unread } = walk.ground;
  if (unread !== undefined) return { kind: 'unknown', because: unread };
  let at: StopName = walk.direction === 'in' ? 'arrival' : 'departure';
  for (;;) {
    const refused = at === 'arrival' || at === 'loopback' ? neverTaken(walk, at === 'loopback') : undefined;
    if (refused) return refused;
    if (at === 'socket') return receive(walk);
    if (at === 'wire') return leave(walk);
    const next: StopName | Outcome = visit(walk, at, PATH[at]);
    if (typeof next === 'object') return next;
    at = next;
  }
}

function visit(walk: Walk, name: StopName, stop: Stop): StopName | Outcome {
  switch (stop.kind) {
    case 'hook':
      return passHook(walk, stop) ?? stop.next;
    case 'route': {
      const routed = name === 'departure' ? departureRoute(walk) : arrivalRoute(walk);
      return routed === 'local' ? stop.local : routed === 'elsewhere' ? stop.elsewhere : routed;
    }
    case 'device':
      return walk.device === LOOPBACK ? stop.loopback : stop.other;
    case 'end':
      return leave(walk);
  }
}

type HookStop = Extract<Stop, { readonly kind: 'hook' }>;

function passHook(walk: Walk, { hook, pass, reroutes }: HookStop): Outcome | undefined {
  enter(walk, hook, pass);
  walk.steps?.push({ kind: 'hook', hook, pass, packet: snapshotOf(walk) });
  const plan = walk.ground.program.plan[hook];
  // Over loopback nat is not asked again, but for a packet that has a zone and no connection.
  for (const part of isSilent(walk) ? plan.busy : plan.first) {
    if (pass === 2 && part.kind === 'table' && part.name === 'nat' && walk.connection !== 'template') continue;
    if (part.kind === 'conntrack') {
      attach(walk);
      continue;
    }
    const outcome = part.kind === 'native' ? askChain(walk, part.asked, reroutes) : askTable(walk, part, reroutes);
    if (outcome) return outcome;
  }
  if (pass === 2) sayNatIsSilent(walk, hook);
  return undefined;
}

/** Whether a table without rules is passed by without a word, and with nothing done: no known connection is to be rewritten. */
const isSilent = ({ steps, opening, ground }: Walk): boolean =>
  steps === undefined && opening === undefined && ground.program.conntrack !== 'undecided';

/** Sets what a packet's place decides of it. */
export function enter(walk: Walk, hook: Walk['hook'], pass: 1 | 2): void {
  const { packet } = walk;
  walk.hook = hook;
  walk.pass = pass;
  if (pass === 2) {
    packet.in = LOOPBACK;
    // On its way over loopback the packet loses the socket that sent it.
    packet.owned = 0;
    packet.uid = undefined;
    packet.gid = undefined;
    // POSTROUTING has confirmed the connection, but its packet is as NEW as before (netfilter-semantics 11).
    if (walk.connection === 'tracked') packet.ctstatus = (packet.ctstatus ?? 0) | CTSTATUS.CONFIRMED;
    packet.sourceMac = 0;
    packet.destinationMac = 0;
  }
  // The kernel counts a forwarded packet's hop before it asks FORWARD (netfilter-semantics 19).
  if (hook === 'FORWARD' && packet.ttl !== undefined) packet.ttl -= 1;
  if (hook === 'INPUT' || hook === 'PREROUTING') packet.out = '';
  else if (hook !== 'OUTPUT') packet.out = walk.device;
  putTogether(walk);
  refresh(walk);
}

/** In the second pass no nat table is asked: said once a hook where one would have stood. */
function sayNatIsSilent(walk: Walk, hook: Walk['hook']): void {
  if (!walk.steps) return;
  const nat = walk.ground.program.plan[hook].first.find((part) => part.kind === 'table' && part.name === 'nat');
  if (nat?.kind !== 'table') return;
  for (const asked of natsOf(walk, nat)) {
    if (!asked.base?.rules.length) continue;
    say(walk, asked, 'not asked again: the packet has its mapping from the way out');
  }
}
