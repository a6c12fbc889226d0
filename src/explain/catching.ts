import { FAMILIES } from '../address/index.ts';
import { type Cut, type End, type PacketSet, reach, TooComplex } from '../analysis/index.ts';
import { type Program, proxyPortsOf, routingWithin } from '../interception/index.ts';
import { rulesRead, type Snapshot } from '../netfilter/index.ts';
import { prepare, type Trace } from '../trace/index.ts';
import { everySpoken, isTurned, type Moved, movedBetween, part, type Spoken, spoken } from './moved.ts';
import { allBut } from './ports.ts';

/** What an interception catches where other rules stand beside it. */
export interface Catching {
  /** What goes to the proxy, by where. */
  readonly caught: readonly (Spoken & { readonly end: End })[];
  /** What the interception alone would turn to the proxy, and goes elsewhere here. */
  readonly missed: readonly Strayed[];
  /** What the interception alone would not turn, and is turned here. */
  readonly extra: readonly Strayed[];
  /** Why it is not known of some packets, one clause each. */
  readonly open: readonly string[];
}

/** Packets that others' rules send elsewhere, with one of them followed through these rules. */
export interface Strayed extends Moved {
  readonly example: Trace;
}

/** Exactly what was asked for is caught. */
export const catchesExactly = ({ missed, extra, open }: Catching): boolean =>
  missed.length === 0 && extra.length === 0 && open.length === 0;

/**
 * Whether an interception catches what it is to catch, of all packets of both families: what it would turn if nothing else stood
 * there, and nothing more. That its rules alone catch what was asked for, test/analysis/asked.test.ts shows of random requests.
 *
 * @param alone the interception in an empty namespace
 * @param here the namespace with the interception in it
 */
export function proveCatching(alone: Snapshot, here: Snapshot, program: Program): Catching {
  const proxyPorts = proxyPortsOf(alone);
  // The same machine, and the routes that the interception brings.
  const machine = routingWithin(here, program.routing);
  const { native: _, ...rest } = machine;
  const pure = { ...rest, held: alone.held, ...(alone.native ? { native: alone.native } : {}) };
  const follow = prepare(machine, proxyPorts);
  // Who calls the proxy itself is not turned.
  const others: Cut = { kind: 'in', field: 'destinationPort', ranges: allBut(proxyPorts) };
  const opening = (packets: PacketSet): PacketSet => packets.opening.where(others);
  const found = {
    caught: [] as Catching['caught'][number][],
    missed: [] as Strayed[],
    extra: [] as Strayed[],
    open: [] as string[],
  };
  for (const family of FAMILIES.filter((one) => rulesRead(machine, one))) {
    for (const direction of ['in', 'out'] as const) {
      try {
        for (const { end, possibly } of reach({ snapshot: machine, proxyPorts }, family, direction, [others])) {
          const packets = spoken(possibly, machine, family).opening;
          if (isTurned(end, proxyPorts) && !packets.isEmpty)
            found.caught.push({ family, direction, packets, among: everySpoken(packets, machine, family), end });
        }
        for (const moved of movedBetween(pure, machine, proxyPorts, family, direction, [others])) {
          const [was, is] = [isTurned(moved.before, proxyPorts), isTurned(moved.after, proxyPorts)];
          const one = part(moved, opening(moved.packets), machine);
          const question = one.packets.witness();
          if (was === is || !question) continue;
          found[was ? 'missed' : 'extra'].push({ ...one, example: follow(question) });
        }
      } catch (error) {
        if (!(error instanceof TooComplex)) throw error;
        found.open.push(error.message);
      }
    }
  }
  return found;
}
