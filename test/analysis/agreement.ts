import type { Family } from '../../src/address/index.ts';
import type { Direction, End } from '../../src/analysis/index.ts';
import { reachIn, spacesOf } from '../../src/analysis/reach.ts';
import { CTSTATE, type Effect, effectOf, type Packet, type Snapshot } from '../../src/netfilter/index.ts';
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

/** What the trace made of a packet: where it may end; undefined where it has not gone all ways. */
interface Traced {
  readonly places: readonly string[] | undefined;
  /** It is said to go on, and the trace took its destination for this host's own: some rule sends on what is addressed here. */
  readonly own: boolean;
}

function traced(follow: ReturnType<typeof prepare>, question: Question): Traced {
  const { outcome, possible, question: told } = follow(question);
  const own =
    question.packet.out !== '' && told.assumptions.some((clause) => /is an address of this host$/.test(clause));
  const all = possible.length > 0 ? possible.map((each) => each.outcome) : [outcome];
  if (all.some((end) => end.kind === 'unknown' && end.because.startsWith('more than')))
    return { places: undefined, own };
  return { places: placesOf(all, question.packet, own), own };
}

/** By which interface a packet goes on that is addressed here, the sets do not say where no routes are known. */
const placesOf = (ends: readonly (Outcome | End)[], packet: Packet, own: boolean): readonly string[] =>
  [...new Set(ends.map((end) => (own && end.kind === 'forwarded' ? end.kind : placeOf(end, packet))))].sort();

const someEffect = ({ held }: Snapshot, is: (effect: Effect) => boolean): boolean =>
  held.some(({ rules }) =>
    rules.tables.some(({ chains }) =>
      chains.some((chain) => chain.rules.some(({ target }) => is(effectOf(target, rules.family)))),
    ),
  );

/** Whether a rule moves packets within a network, or shifts ports: that is answered "unknown". */
const unlooked = (effect: Effect): boolean =>
  effect.kind === 'nat' &&
  (effect.base !== undefined || (typeof effect.address === 'object' && 'mask' in effect.address));

/** Whether a rule counts hops: where they are told apart it is open how many are left. */
const countsHops = (effect: Effect): boolean =>
  effect.kind === 'continue' && effect.assign.some(({ field, add }) => field === 'ttl' && add !== undefined);

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
  const loose = someEffect(snapshot, unlooked) || (space.domain.fields.has('ttl') && someEffect(snapshot, countsHops));
  let asked = 0;
  for (let count = 0; count < packets; count += 1) {
    const question = randomPacket(space, random, MARKS);
    if (!question || question.packet.ctstate === CTSTATE.ESTABLISHED) continue;
    const { places, own } = traced(follow, question);
    if (!places) continue;
    asked += 1;
    // To the sets a packet is addressed here or is said to go on.
    const meant = own && direction === 'in' ? { packet: { ...question.packet, out: '' } } : question;
    const ends = reached.filter(({ possibly }) => possibly.holds(meant));
    const found = placesOf(
      ends.map(({ end }) => end),
      question.packet,
      own,
    );
    // Where it hangs on what is open whether some rule sends it on, it is either.
    const either = own
      ? placesOf(
          reached.filter(({ possibly }) => possibly.holds(question)).map(({ end }) => end),
          question.packet,
          own,
        )
      : found;
    // What the sets do not look into may be anything, and what rules make of it later.
    const wider = found.includes('unknown') || places.every((place) => found.includes(place));
    const surely = reached.filter((each) => each.surely.holds(meant)).length;
    // … and of one that is addressed here they do not know by which interface it goes on.
    const agree = own
      ? places.every((place) => found.includes(place) || either.includes(place))
      : found.join() === places.join();
    if ((!agree && !(loose && wider)) || surely > 1 || (surely === 1 && found.length > 1))
      return { asked, disagreement: { question, traced: places, found } };
  }
  return { asked };
}
