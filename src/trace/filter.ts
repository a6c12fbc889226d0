import { ICMP, ICMPV6, type Packet, type PacketFilter } from '../netfilter/index.ts';
import { type Expression, readExpression } from './expression.ts';
import { LOOPBACK } from './host.ts';
import { optionNames } from './options.ts';
import { refuse } from './words.ts';

/** Options that a packet on its way can be told by before any rule has seen it. */
const TOLD: readonly string[] = ['on', 'uid', 'gid', 'mark', 'flags', 'type'];

/**
 * Which packets an expression means: those that have what it says, whatever the rest. Nothing is assumed. Both directions
 * where there is no expression.
 *
 * Throws QuestionRefused, also for what cannot be told of a packet before the rules see it.
 *
 * @example parseFilter('in tcp/8888') // { direction: 'in', fields: { protocol: 6, destinationPort: 8888 } }
 */
export function parseFilter(text: string): PacketFilter {
  const read = readExpression(text, { partial: true });
  const { way, protocol, source, destination, family, on, uid, gid, mark, flags, icmp, places } = read;
  refuseUntold(read);
  const outside = way === 'in' ? { in: on } : { out: way === 'self' ? LOOPBACK : on };
  const ofProtocol = protocol === ICMP && family === 'ipv6' ? ICMPV6 : protocol;
  const said = icmp?.[ofProtocol === ICMPV6 ? 'ipv6' : 'ipv4'];
  const code = places.get('type')?.text.includes('/') ? said?.code : undefined;
  return {
    direction: way === 'in' ? 'in' : 'out',
    fields: given({
      ...outside,
      family: family ?? (protocol === ICMP ? 'ipv4' : undefined),
      protocol: protocol === 0 ? undefined : ofProtocol,
      source: source.address,
      destination: destination.address,
      sourcePort: source.port,
      destinationPort: destination.port,
      tcpFlags: flags,
      icmpType: said?.type,
      icmpCode: code,
      mark,
      uid,
      gid,
    }),
  };
}

function refuseUntold({ text, places }: Expression): void {
  for (const name of optionNames) {
    const word = places.get(name);
    if (word && !TOLD.includes(name))
      refuse(
        text,
        word,
        `${name} cannot be told of a packet that passes`,
        `Filter by ${TOLD.join(', ')}, or leave it out.`,
      );
  }
}

const given = (fields: { readonly [K in keyof Packet]?: Packet[K] | undefined }): Partial<Packet> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** What is watched where nothing is asked for: all that comes in, and all that is sent. */
export const EVERY_PACKET: readonly PacketFilter[] = [
  { direction: 'in', fields: {} },
  { direction: 'out', fields: {} },
];
