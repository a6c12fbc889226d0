import {
  isAsProved,
  packetsToSend,
  type Sent,
  type SentPair,
  type SentWitness,
  WITNESS_NETWORK,
  withCard,
} from '../explain/index.ts';
import { type BypassRequest, proxyPortsOf } from '../interception/index.ts';
import type { SentPacket } from '../linux/index.ts';
import type { Packet, Snapshot } from '../netfilter/index.ts';
import { type Passed, prepareBeside } from '../trace/index.ts';
import type { NamespaceOptions } from './options.ts';
import { loadLinux, selector } from './source.ts';

/** Packets that are sent through the kernel before a bypass is applied, and again when it is. */
export interface Witnessing {
  /** Sends them through the rules as they are. False: the kernel does something else than was proved. */
  before(before: Snapshot, after: Snapshot, request: BypassRequest): Promise<boolean>;
  /** Sends the same through the rules as they were read back. False as before. */
  after(after: Snapshot): Promise<boolean>;
  /** What has been found out; undefined where nothing was to be sent. */
  readonly sent: Sent | undefined;
}

/** Its name is not an interface that anybody has, and tells whose it is. */
const CARD = `sidestep${process.pid}`.slice(0, 15);

/** What else decides where packets end than what a change reads: who listens, what is in sets. */
type Beside = Pick<Snapshot, 'listeners' | 'ipsets' | 'sets'>;

/** Begins with nothing sent. Nothing that goes wrong here keeps a bypass from being applied: then nothing is sent, and why is told. */
export function witnessing(options: NamespaceOptions): Witnessing {
  let beside: Beside = {};
  let witnesses: readonly SentWitness[] = [];
  let sent: Sent | undefined;
  const failed = (error: unknown): void => {
    sent = { packets: [], left: [(error as Error).message] };
  };
  return {
    get sent() {
      return sent;
    },
    async before(before, after, request) {
      if (sent) return true;
      try {
        const { openNamespace, readSnapshot } = await loadLinux();
        const { listeners, ipsets, sets } = await readSnapshot(openNamespace(selector(options)));
        beside = { ...(listeners && { listeners }), ...(ipsets && { ipsets }), ...(sets && { sets }) };
        const [one, other] = [before, after].map((each) => ({ ...each, ...beside })) as [Snapshot, Snapshot];
        const { packets, left } = packetsToSend(one, other, request, proxyPortsOf(before), CARD);
        witnesses = packets;
        const passed = await through(options, one, witnesses, proxyPortsOf(before));
        sent = { left, packets: packets.map((witness, at) => ({ witness, before: passed[at], after: undefined })) };
      } catch (error) {
        failed(error);
      }
      return sent?.packets.every(isAsProved) ?? true;
    },
    async after(after) {
      if (!sent || sent.packets.length === 0) return true;
      try {
        const passed = await through(options, { ...after, ...beside }, witnesses, proxyPortsOf(after));
        sent = { ...sent, packets: sent.packets.map((pair, at): SentPair => ({ ...pair, after: passed[at] })) };
      } catch (error) {
        failed(error);
      }
      return sent?.packets.every(isAsProved) ?? true;
    },
  };
}

async function through(
  options: NamespaceOptions,
  given: Snapshot,
  witnesses: readonly SentWitness[],
  proxyPorts: readonly number[],
): Promise<readonly (Passed | undefined)[]> {
  if (witnesses.length === 0) return [];
  const { openNamespace, throughKernel, withoutWatchers } = await loadLinux();
  const held = withoutWatchers(withCard(given, CARD));
  const families = new Set(witnesses.map(({ question }) => question.packet.family));
  const addresses = [...families].map((family) => {
    const { card, length } = WITNESS_NETWORK[family];
    return `${card}/${length}`;
  });
  const packets = witnesses.map(({ question }) => sentPacket(question.packet));
  const accounts = await throughKernel(openNamespace(selector(options)), held, { card: CARD, addresses, packets });
  const beside = prepareBeside({ simulated: held, held, proxyPorts });
  return accounts.map((account) => account && beside(account));
}

const sentPacket = (packet: Packet): SentPacket => ({
  family: packet.family,
  protocol: packet.protocol,
  ttl: packet.ttl ?? 64,
  dscp: packet.dscp ?? 0,
  ecn: packet.ecn ?? 0,
  source: packet.source!,
  destination: packet.destination,
  sourcePort: packet.sourcePort ?? 0,
  destinationPort: packet.destinationPort ?? 0,
  tcpFlags: packet.tcpFlags ?? 0,
  icmpType: packet.icmpType ?? 0,
  icmpCode: packet.icmpCode ?? 0,
  sender: packet.owned === 1 ? { owner: { uid: packet.uid, gid: packet.gid }, mark: packet.mark ?? 0 } : undefined,
});
