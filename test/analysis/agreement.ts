import type { Family } from '../../src/address/index.ts';
import type { Direction, End } from '../../src/analysis/index.ts';
import { reachIn, spacesOf } from '../../src/analysis/reach.ts';
import { CTSTATE, effectOf, type Packet, type Snapshot } from '../../src/netfilter/index.ts';
import { type Outcome, prepare, type Question } from '../../src/trace/index.ts';
import type { Random } from '../support/random.ts';
import { randomPacket } from './packets.ts';

/** Marks that the rules speak of: a random one would never be met. */
const MARKS = [0, 0, 0, 1, 2, 4, 5, 7, 0x539];

const PROXY_PORTS = [15001, 15006];

export const placeOf = (end: Outcome | End, { destinationPort }: Packet): string => {
  if ('port' in end) return `${end.kind} ${end.port === 'own' ? destinationPort : end.port}`;
  if ('with' in end) return `${end.kind} ${end.with}`;
  return 'out' in end ? `${end.kind} ${end.out}` : end.kind;
};

/** Where a packet may end, by the trace; undefined where it has not gone all ways. */
function traced(follow: ReturnType<typeof prepare>, question: Question): readonly string[] | undefined {
  const { outcome, possible } = follow(question);
  if (outcome.kind === 'unknown' && outcome.because.startsWith('more than')) return undefined;
  const all = possible.length > 0 ? possible.map((each) => each.outcome) : [outcome];
  return [...new Set(all.map((each) => placeOf(each, question.packet)))].sort();
}

/** Whether a rule moves packets within a network, or shifts ports: that is answered "unknown". */
const unlooked = ({ held }: Snapshot): boolean =>
  held.some(({ rules }) =>
    rules.tables.some(({ chains }) =>
      chains.some((chain) =>
        chain.rules.some(({ target }) => {
          const effect = effectOf(target, rules.family);
          if (effect.kind !== 'nat') return false;
          return effect.base !== undefined || (typeof effect.address === 'object' && 'mask' in effect.address);
        }),
      ),
    ),
  );

/** A packet of which the sets say something else than the trace. */
export interface Disagreement {
  readonly question: Question;
  readonly traced: readonly string[];
  readonly found: readonly string[];
}

/** Follows random packets and asks the sets about each. How many were asked about, and the first that disagrees. */
export function compare(
  snapshot: Snapshot,
  family: Family,
  direction: Direction,
  random: Random,
  packets: number,
): { readonly asked: number; readonly disagreement?: Disagreement } {
  const [space] = spacesOf([{ snapshot, proxyPorts: PROXY_PORTS }], family, direction);
  if (!space) throw new Error('no space');
  const reached = reachIn(space);
  const follow = prepare(snapshot, PROXY_PORTS);
  const loose = unlooked(snapshot);
  let asked = 0;
  for (let count = 0; count < packets; count += 1) {
    const question = randomPacket(space, random, MARKS);
    if (!question || question.packet.ctstate === CTSTATE.ESTABLISHED) continue;
    const places = traced(follow, question);
    if (!places) continue;
    asked += 1;
    const ends = reached.filter(({ possibly }) => possibly.holds(question));
    const found = [...new Set(ends.map(({ end }) => placeOf(end, question.packet)))].sort();
    // What the sets do not look into may be anything.
    const wider = found.includes('unknown');
    const surely = reached.filter((each) => each.surely.holds(question)).length;
    if ((found.join() !== places.join() && !(loose && wider)) || surely > 1 || (surely === 1 && found.length > 1))
      return { asked, disagreement: { question, traced: places, found } };
  }
  return { asked };
}
