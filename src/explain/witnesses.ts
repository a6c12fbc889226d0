import { FAMILIES, type Family } from '../address/index.ts';
import { type BypassRequest, isOver, recognise, unbypassed, withNativeSets } from '../interception/index.ts';
import { heldFor, type Snapshot } from '../netfilter/index.ts';
import { type Outcome, parseQuestion, prepareOutcome, QuestionRefused } from '../trace/index.ts';
import { witnessPorts } from './witness-ports.ts';

/** One packet that was followed through the rules before and after a bypass. */
export interface Witness {
  /** As it is asked for: `in tcp/8888`. */
  readonly packet: string;
  readonly family: Family;
  /** The port that it is sent to. */
  readonly port: number;
  /** Whether the bypass is meant for it. */
  readonly meant: boolean;
  /** A call of a process here to this host itself. */
  readonly self: boolean;
  readonly before: Outcome;
  readonly after: Outcome;
}

/** What following packets told of a bypass. Not a proof: other packets were not looked at. */
export interface Check {
  readonly witnesses: readonly Witness[];
  /** Ports at which a rule begins or ends and that were not looked at: there are too many. */
  readonly left: number;
  /** Packets that do what the bypass promises: those it is meant for leave the proxy, all others stay. */
  readonly asMeant: boolean;
}

/**
 * Follows packets through two snapshots: connections to every port at which a rule, or what is asked for, begins or ends;
 * the first of them also over UDP and on the way out; calls of an app and of the proxy to the pod itself. With an expiry,
 * the same ports a second after it.
 *
 * @param proxyPorts the ports on which the proxy listens
 */
export function checkBypass(
  givenBefore: Snapshot,
  givenAfter: Snapshot,
  request: BypassRequest,
  proxyPorts: readonly number[],
): Check {
  // Istio's native tables are followed as the rules of iptables that they mean.
  const [before, after] = [withNativeSets(givenBefore), withNativeSets(givenAfter)];
  const paths = {
    now: { before: prepareOutcome(before, proxyPorts), after: prepareOutcome(after, proxyPorts) },
    // After its end a bypass is as if it had never been: the rules are compared with those without one.
    ended: {
      before: prepareOutcome(withoutBypasses(before, request), proxyPorts),
      after: prepareOutcome(after, proxyPorts),
    },
  };
  let left = 0;
  const witnesses = FAMILIES.filter((family) => speaks(before, family)).flatMap((family) => {
    const planned = packetsFor(before, after, request, family, proxyPorts);
    left += planned.left;
    return planned.packets.flatMap(({ at, compared, ...packet }): Witness[] => {
      try {
        const question = parseQuestion(packet.packet, before, { family, now: at * 1000 });
        const path = paths[compared];
        return [{ ...packet, family, before: path.before(question), after: path.after(question) }];
      } catch (error) {
        // A namespace without an address of this family has no such packet.
        if (error instanceof QuestionRefused) return [];
        throw error;
      }
    });
  });
  return { witnesses, left, asMeant: witnesses.every(isAsMeant) };
}

const withoutBypasses = (snapshot: Snapshot, { ports, families, now }: BypassRequest): Snapshot => ({
  ...snapshot,
  held: snapshot.held.map((one) => ({
    ...one,
    rules: unbypassed(one.rules, { ports, now, ...(families ? { families } : {}) }),
  })),
});

/** Whether a packet does what the bypass says: away from the proxy if it is meant for it, else where it ended before. */
export function isAsMeant(witness: Witness): boolean {
  const { meant, before, after } = witness;
  if (!isMoved(witness)) return !meant || !isTurned(witness, before);
  return meant && !isTurned(witness, after) && after.kind !== 'unknown';
}

/**
 * Whether a packet ends at the proxy's port, be the proxy there or not, though it was not sent there. Nothing keeps those
 * off that were.
 */
const isTurned = ({ port }: Witness, outcome: Outcome): boolean =>
  (outcome.kind === 'proxy' || outcome.kind === 'nobody listens') && outcome.port !== port;

/** Whether a packet ends elsewhere than before. */
export const isMoved = ({ before, after }: Witness): boolean => !sameEnd(before, after);

const sameEnd = (one: Outcome, other: Outcome): boolean => placeOf(one) === placeOf(other);

/** Where a packet ends, to be compared. */
export const placeOf = (outcome: Outcome): string =>
  `${outcome.kind} ${'port' in outcome ? outcome.port : ''} ${'out' in outcome ? outcome.out : ''}`;

/** A namespace whose interfaces have no address of a family gets no packets of it. */
const speaks = (snapshot: Snapshot, family: Family): boolean =>
  heldFor(snapshot, family).length > 0 &&
  (snapshot.interfaces === undefined ||
    snapshot.interfaces.some(({ addresses }) =>
      addresses.some((address) => address.family === family && address.scope === 'global'),
    ));

interface Planned extends Pick<Witness, 'packet' | 'port' | 'meant' | 'self'> {
  /** Seconds since 1970. */
  readonly at: number;
  /** What is compared: the rules before and after; or, once it has ended, without it and after. */
  readonly compared: 'now' | 'ended';
}

function packetsFor(
  before: Snapshot,
  after: Snapshot,
  request: BypassRequest,
  family: Family,
  proxyPorts: readonly number[],
): { readonly packets: readonly Planned[]; readonly left: number } {
  const { ports, named = [], families, self = false, until, now } = request;
  const asked = (families === undefined || families.includes(family)) && !isOver(request);
  const sets = [before, after].flatMap((snapshot) => heldFor(snapshot, family).map(({ rules }) => rules));
  const listened = (before.listeners ?? []).filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port);
  const { inside, outside, left } = witnessPorts(sets, ports, [...named, ...proxyPorts, ...listened]);
  const [first = 0] = [...named, ...inside];
  const plan = (packet: string, port: number, more: Partial<Planned> = {}): Planned => ({
    packet,
    port,
    meant: false,
    self: false,
    at: now,
    compared: 'now',
    ...more,
  });
  const own = self ? inside : [first];
  // Its last second is still its own.
  const end = until === undefined ? undefined : until + 1;
  return {
    left,
    packets: [
      ...inside.map((port) => plan(`in tcp/${port}`, port, { meant: asked })),
      ...outside.map((port) => plan(`in tcp/${port}`, port)),
      plan(`in udp/${first}`, first),
      plan(`out tcp > ${ELSEWHERE[family]}:${first} uid 1000`, first),
      ...[APP, ...proxyOwners(before, family, now)].flatMap((owner) =>
        own.map((port) => plan(`self tcp/${port}${owner}`, port, { meant: asked && self, self: true })),
      ),
      ...(end === undefined
        ? []
        : inside.map((port) => plan(`in tcp/${port} at ${inIso(end)}`, port, { at: end, compared: 'ended' }))),
    ],
  };
}

/** What stands behind a packet that an app sends: the packet's own default. */
const APP = '';

/** Whose calls to this host itself an interception may catch: the proxy's, by its uid or mark. */
function proxyOwners(snapshot: Snapshot, family: Family, now: number): readonly string[] {
  const owners = heldFor(snapshot, family).flatMap(({ rules }) => {
    const { uids, gids, marks } = recognise(rules, now)?.proxy ?? { uids: [], gids: [], marks: [] };
    const number = (word: string | undefined): string | undefined => /^\d+/.exec(word ?? '')?.[0];
    const [uid, gid, mark] = [number(uids[0]), number(gids[0]), marks[0]];
    const words = [
      ...(uid === undefined ? [] : [` uid ${uid}`]),
      ...(gid === undefined ? [] : [` gid ${gid}`]),
      ...(mark === undefined ? [] : [` mark ${mark}`]),
    ].join('');
    return words === '' ? [] : [words];
  });
  return [...new Set(owners)];
}

/** Addresses of the ranges for documentation: nobody's. Source: RFC 5737, RFC 3849. */
const ELSEWHERE: Readonly<Record<Family, string>> = { ipv4: '192.0.2.1', ipv6: '[2001:db8:ffff::1]' };

const inIso = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000', '');
