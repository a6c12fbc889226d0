import { CTSTATE, formatField, PACKET_TYPE, type Packet, TCP, TCP_FLAGS, type ValueField } from '../netfilter/index.ts';
import { usualHops, usualKind, usualLength } from './defaults.ts';
import type { Direction } from './result.ts';

/**
 * What a packet has that an expression without a word about it is not taken to mean, as options of the grammar: with them its
 * `question` reads back as this packet. Interfaces, owner, mark and state are not among them.
 *
 * @example unassumedOf({ ...packet, ttl: 3, dscp: 46 }, 'in') // ['ttl 3', 'dscp 46']
 */
export function unassumedOf(packet: Packet, direction: Direction): readonly string[] {
  const { family, protocol, ctstate, tcpFlags, packetType, ipsec, fragment } = packet;
  const opened = ctstate === CTSTATE.ESTABLISHED ? TCP_FLAGS.ACK : TCP_FLAGS.SYN;
  const said = (option: string, field: ValueField, usual?: number): readonly string[] => {
    const value = packet[field];
    if (value === undefined || value === usual) return [];
    return [`${option} ${formatField(field, value, family)}`];
  };
  return [
    ...(protocol === TCP && tcpFlags === 0 ? ['flags none'] : said('flags', 'tcpFlags', opened)),
    ...said('ttl', 'ttl', usualHops(packet)),
    ...said('length', 'length', usualLength(packet)),
    ...said('dscp', 'dscp'),
    ...said('ecn', 'ecn'),
    ...said('spi', 'spi'),
    ...(packetType === undefined || packetType === PACKET_TYPE[usualKind(packet, direction)]
      ? []
      : said('pkttype', 'packetType')),
    ...(ipsec === 1 ? ['ipsec'] : []),
    ...(direction === 'in' ? said('mac', 'sourceMac') : []),
    ...(fragment === 1 ? ['fragment'] : []),
  ];
}
