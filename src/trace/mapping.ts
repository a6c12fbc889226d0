import { formatAddress } from '../address/index.ts';
import { mapDestination, mapSource } from './nat.ts';
import { changed, type Walk } from './state.ts';
import { spokenEnd } from './words.ts';

/** Rewrites a later packet of a connection as its first one was. What was done, in words; undefined: nothing. */
export function mapAgain(walk: Walk, ofDestination: boolean): string | undefined {
  const { opening, packet } = walk;
  const mapping = ofDestination ? opening?.destination : opening?.source;
  if (!mapping) return undefined;
  // 0: the kernel chose it, nobody knows which.
  const port = packet.destinationPort === undefined ? undefined : mapping.port || 'open';
  if (ofDestination) {
    mapDestination(walk, { address: mapping.address, port });
    walk.mappedBy = opening?.mappedBy;
  } else mapSource(walk, { address: mapping.address, port });
  return 'a known connection is mapped as its first packet was';
}

/**
 * Rewrites a reply back: where nat looks at destinations the source that it gave the connection is undone, where it
 * looks at sources the destination. Source: net/netfilter/nf_nat_core.c, nf_nat_packet; netfilter-semantics 8.
 */
export function mapBack(walk: Walk, ofDestination: boolean): string | undefined {
  const { opening, packet } = walk;
  const original = opening?.record?.original;
  if (!original || !(ofDestination ? opening.source : opening.destination)) return undefined;
  const [address, port] = ofDestination
    ? [original.source, original.sourcePort]
    : [original.destination, original.destinationPort];
  if (address === undefined) return undefined;
  if (ofDestination) {
    packet.destination = address;
    if (packet.destinationPort !== undefined) packet.destinationPort = port;
  } else {
    packet.source = address;
    if (packet.sourcePort !== undefined) packet.sourcePort = port;
  }
  changed(walk);
  if (walk.inside) {
    const end = formatAddress(packet.family, address);
    return ofDestination
      ? `the error goes to ${end}, whose connection it is`
      : `the error comes from ${end}, which was called`;
  }
  const to = spokenEnd(packet.family, address, port);
  return ofDestination
    ? `the reply goes to ${to}, whose connection it is`
    : `the reply comes from ${to}, which was called`;
}
