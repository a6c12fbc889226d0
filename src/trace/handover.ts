import type { Effect } from '../netfilter/index.ts';
import { refresh } from './arrival.ts';
import type { Done } from './effects.ts';
import { primaryAddress } from './host.ts';
import type { CompiledRule } from './program.ts';
import { findListener } from './sockets.ts';
import { changed, nameOf, type Receiver, type Walk } from './state.ts';

type Tproxy = Extract<Effect, { readonly kind: 'tproxy' }>;

/**
 * TPROXY: gives the packet to a transparent listener without rewriting it. Without one the packet ends here.
 * Source: netfilter-semantics 15; net/netfilter/xt_TPROXY.c.
 */
export function handOver(walk: Walk, rule: CompiledRule, effect: Tproxy): Done {
  const { packet } = walk;
  const given = give(walk, rule, effect);
  if (typeof given.verdict === 'object' || given.verdict === 'break') return given;
  if (effect.mark) {
    const { value, mask } = effect.mark;
    packet.mark = packet.mark === undefined && mask !== 0xffff_ffff ? undefined : mixed(packet.mark ?? 0, value, mask);
    walk.marked = true;
    changed(walk);
  }
  // From now on the packet has a socket, and who asks for one finds it.
  refresh(walk);
  return given;
}

/** The packet gets its socket, if there is one. Its mark is not changed yet. */
export function give(walk: Walk, rule: CompiledRule, effect: Tproxy): Done {
  // Without a socket nft's rule ends, and the next one is looked at.
  const { goesOn = false } = effect;
  if ((!goesOn && rule.chain.table !== 'mangle') || walk.hook !== 'PREROUTING') {
    const because = `${nameOf(rule)}: the kernel refuses TPROXY in ${rule.chain.table} ${walk.hook}`;
    return { verdict: { kind: 'unknown', because } };
  }
  const port = effect.port === 0 ? walk.packet.destinationPort : effect.port;
  if (port === undefined) return { verdict: { kind: 'unknown', because: `${nameOf(rule)}: the port is not known` } };
  const receiver = receiverAt(walk, effect, port);
  if (typeof receiver === 'string') {
    if (goesOn) return { verdict: 'break', note: receiver };
    return { verdict: { kind: 'dropped', because: `${nameOf(rule)} drops it: ${receiver}` }, note: receiver };
  }
  walk.assigned = receiver;
  walk.mappedBy = rule;
  return { verdict: goesOn ? 'continue' : 'accept', note: `handed to :${receiver.port}` };
}

const mixed = (mark: number, value: number, mask: number): number => ((mark & ~mask) ^ value) >>> 0;

/** The socket, or why there is none. A connection's later packets go to the socket it already has. */
function receiverAt(walk: Walk, effect: Tproxy, port: number): Receiver | string {
  const { packet, ground, opening, answering } = walk;
  if (opening?.receiver && !answering) {
    return opening.byTproxy || opening.receiver.listener?.transparent
      ? opening.receiver
      : 'the connection belongs to a socket that is not transparent';
  }
  if (!ground.sockets) return { port };
  const own = ground.host.known ? primaryAddress(ground.host, packet.in, packet.destination) : walk.own;
  const address = effect.address || own || packet.destination;
  const found = findListener(ground.sockets, { packet, address, port, device: () => packet.in });
  if (!found) return `no transparent socket listens on :${port}`;
  return found.listener.transparent ? found : `the socket on :${port} is not transparent`;
}
