import { FAMILIES, type Family, type PortRange } from '../address/index.ts';
import type { BypassRequest } from '../interception/index.ts';
import { heldFor, type Snapshot } from '../netfilter/index.ts';
import { type Outcome, parseQuestion, prepareOutcome, QuestionRefused } from '../trace/index.ts';

/** One packet that was followed through the rules before and after a bypass. */
export interface Witness {
  /** As it is asked for: `in tcp/8888`. */
  readonly packet: string;
  readonly family: Family;
  /** Whether the bypass is meant for it. */
  readonly meant: boolean;
  readonly before: Outcome;
  readonly after: Outcome;
}

/** What following a handful of packets told of a bypass. Not a proof: other packets were not looked at. */
export interface Check {
  readonly witnesses: readonly Witness[];
  /** Packets that do what the bypass promises: those it is meant for leave the proxy, all others stay. */
  readonly asMeant: boolean;
}

/** How many ports of a request are looked at. */
const MOST_PORTS = 4;

/**
 * Follows packets through two snapshots: connections to the ports themselves and to their neighbours, the same ports over
 * UDP, calls of an app and of the pod to itself. With an expiry, one that comes a minute after it.
 *
 * @param proxyPorts the ports on which the proxy listens
 */
export function checkBypass(
  before: Snapshot,
  after: Snapshot,
  request: BypassRequest,
  proxyPorts: readonly number[],
): Check {
  const follow = { before: prepareOutcome(before, proxyPorts), after: prepareOutcome(after, proxyPorts) };
  const witnesses = FAMILIES.filter((family) => speaks(before, family)).flatMap((family) =>
    packetsFor(request, family).flatMap(({ packet, meant, at }): Witness[] => {
      const options = { family, now: at * 1000 };
      try {
        const question = parseQuestion(packet, before, options);
        return [{ packet, family, meant, before: follow.before(question), after: follow.after(question) }];
      } catch (error) {
        // A namespace without an address of this family has no such packet.
        if (error instanceof QuestionRefused) return [];
        throw error;
      }
    }),
  );
  return { witnesses, asMeant: witnesses.every(isAsMeant) };
}

/** Whether a packet does what the bypass says: away from the proxy if it is meant for it, else where it ended before. */
export function isAsMeant(witness: Witness): boolean {
  const { meant, before, after } = witness;
  if (!meant) return !isMoved(witness);
  return isMoved(witness) ? after.kind !== 'proxy' && after.kind !== 'unknown' : before.kind !== 'proxy';
}

/** Whether a packet ends elsewhere than before. */
export const isMoved = ({ before, after }: Witness): boolean => !sameEnd(before, after);

const sameEnd = (one: Outcome, other: Outcome): boolean => placeOf(one) === placeOf(other);

const placeOf = (outcome: Outcome): string =>
  `${outcome.kind} ${'port' in outcome ? outcome.port : ''} ${'out' in outcome ? outcome.out : ''}`;

/** A namespace whose interfaces have no address of a family gets no packets of it. */
const speaks = (snapshot: Snapshot, family: Family): boolean =>
  heldFor(snapshot, family).length > 0 &&
  (snapshot.interfaces === undefined ||
    snapshot.interfaces.some(({ addresses }) =>
      addresses.some((address) => address.family === family && address.scope === 'global'),
    ));

interface Planned {
  readonly packet: string;
  readonly meant: boolean;
  /** Seconds since 1970. */
  readonly at: number;
}

function packetsFor({ ports, families, self = false, until, now }: BypassRequest, family: Family): Planned[] {
  const asked = families === undefined || families.includes(family);
  const chosen = ports.slice(0, MOST_PORTS);
  const inside = [...new Set(chosen.flat())];
  const beside = [...new Set(chosen.flatMap(([low, high]) => [low - 1, high + 1]))].filter((port) =>
    isFree(port, ports),
  );
  const [first = 0] = inside;
  const packets: Planned[] = [
    ...inside.map((port) => ({ packet: `in tcp/${port}`, meant: asked, at: now })),
    ...beside.map((port) => ({ packet: `in tcp/${port}`, meant: false, at: now })),
    { packet: `in udp/${first}`, meant: false, at: now },
    { packet: `out tcp > ${ELSEWHERE[family]}:${first} uid 1000`, meant: false, at: now },
    { packet: `self tcp/${first}`, meant: asked && self, at: now },
  ];
  return until === undefined || self
    ? packets
    : [...packets, { packet: `in tcp/${first}`, meant: false, at: until + 60 }];
}

/** Addresses of the ranges for documentation: nobody's. Source: RFC 5737, RFC 3849. */
const ELSEWHERE: Readonly<Record<Family, string>> = { ipv4: '192.0.2.1', ipv6: '[2001:db8:ffff::1]' };

const isFree = (port: number, ports: readonly PortRange[]): boolean =>
  port > 0 && port <= 65535 && !ports.some(([low, high]) => port >= low && port <= high);
