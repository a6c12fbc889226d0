import type { Family, PortRange, Range } from '../../../../address/index.ts';
import type { AddressRange, Effect, Network } from '../../../effect.ts';
import { ALWAYS, all, type Predicate } from '../../../predicate.ts';
import type { NftExpression, NftVerdict } from '../../expression.ts';
import type { NftNat } from '../../statement.ts';
import { seesFamily } from '../../table.ts';
import { type Act, condition, unfollowed } from '../act.ts';
import type { NftContext } from '../context.ts';
import { address as addresses, type Datatype, service } from '../datatype.ts';
import { leads, lookUp } from '../lookup.ts';
import { rangeOf } from '../operand.ts';

/** Where a packet may be sent, and when. */
interface Target {
  readonly when: Predicate;
  readonly address?: AddressRange;
  readonly port?: PortRange;
}

/** The kernel chooses the port then, even where the packet's own would do. */
const RANDOM: ReadonlySet<string> = new Set(['random', 'fully-random']);

const CHANGE = { snat: 'source', masquerade: 'source', dnat: 'destination', redirect: 'destination' } as const;

/** snat, dnat, masquerade, redirect: the first mapping of a connection ends the chain. Source: nft(8), NAT STATEMENTS. */
export function natAct(nat: NftNat, { family, ...rest }: NftContext): Act {
  const context = { family, ...rest };
  // In an inet table a mapping of the other family does nothing, and the rule goes on. What it maps to is looked up before.
  if (!seesFamily(nat, family)) {
    const maps = [nat.address, nat.port].flatMap((to) => (to?.kind === 'map' ? [leads(to, context)] : []));
    return condition(nat.kind, all(...maps));
  }
  const targets = targetsOf(nat, context);
  if (typeof targets === 'string') return unfollowed(nat.kind, targets);
  return {
    part: nat.kind,
    alternatives: targets.map(({ when, address, port }) => ({ when, effect: effectOf(nat, address, port) })),
  };
}

function effectOf(nat: NftNat, address: AddressRange | undefined, ports: PortRange | undefined): Effect {
  const { kind, flags } = nat;
  const to = kind === 'redirect' ? 'here' : kind === 'masquerade' ? 'outgoing' : address && placeIn(nat, address);
  return {
    kind: 'nat',
    change: CHANGE[kind],
    ...(to === undefined ? {} : { address: to }),
    ...(ports ? { ports } : {}),
    ...(flags.some((flag) => RANDOM.has(flag)) ? { random: true } : {}),
  };
}

/** With `prefix`, one network for another, host for host. Source: net/netfilter/nft_nat.c, nft_nat_setup_netmap. */
function placeIn({ typeFlags, flags }: NftNat, range: AddressRange): AddressRange | Network {
  if (!typeFlags.includes('prefix') && !flags.includes('netmap')) return range;
  const [low, high] = range;
  if (typeof low === 'bigint' || typeof high === 'bigint')
    return { value: BigInt(low), mask: BigInt.asUintN(128, ~(BigInt(low) ^ BigInt(high))) };
  return { value: low, mask: ~(low ^ high) >>> 0 };
}

/** All targets, or why they are not known: maps of addresses and of ports are independent of each other. */
function targetsOf({ address, port }: NftNat, context: NftContext): readonly Target[] | string {
  const hosts = address ? parts(address, 'address', context) : [{ when: ALWAYS }];
  const ports = port ? parts(port, 'port', context) : [{ when: ALWAYS }];
  if (typeof hosts === 'string') return hosts;
  if (typeof ports === 'string') return ports;
  return hosts.flatMap((host) =>
    ports.map((gate) => ({ ...host, ...gate, when: all(host.when, gate.when) }) satisfies Target),
  );
}

const NOT_FOLLOWED = 'where it sends the packet is not followed';

function parts(of: NftExpression, what: 'address' | 'port', context: NftContext): readonly Target[] | string {
  if (of.kind !== 'map') {
    const target = targetOf(of, what, context.family);
    return target ? [{ ...target, when: ALWAYS }] : NOT_FOLLOWED;
  }
  const lookup = lookUp(of.key, of.data, context);
  if ('because' in lookup) return lookup.because;
  const targets = lookup.found.map(({ when, data }) => ({ when, target: targetOf(data, what, context.family) }));
  const known = targets.flatMap(({ when, target }) => (target ? [{ ...target, when }] : []));
  return known.length === targets.length ? known : NOT_FOLLOWED;
}

/** `10.0.0.1`, `10.0.0.1-10.0.0.4`, `8080`, or from a map `10.0.0.1 . 8080`. */
function targetOf(
  of: NftExpression | NftVerdict,
  what: 'address' | 'port',
  family: Family,
): Omit<Target, 'when'> | undefined {
  if (of.kind === 'concat') {
    const [host, gate] = of.items;
    const address = host && rangeIn(host, addresses[family]);
    const port = gate && rangeIn(gate, service);
    return address && port && of.items.length === 2 ? { address, port: asPorts(port) } : undefined;
  }
  const range = rangeIn(of, what === 'address' ? addresses[family] : service);
  if (!range) return undefined;
  return what === 'address' ? { address: range } : { port: asPorts(range) };
}

const asPorts = ([low, high]: Range): PortRange => [Number(low), Number(high)];

const rangeIn = (of: NftExpression | NftVerdict, type: Datatype): Range | undefined =>
  of.kind === 'value' || of.kind === 'range' || of.kind === 'prefix' ? rangeOf(of, type) : undefined;
