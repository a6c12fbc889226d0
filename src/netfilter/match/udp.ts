import { decimalPorts } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, is } from '../predicate.ts';
import { UDP } from '../protocol.ts';
import { asNftPorts, hasPorts, listedPorts, type PortOptions, withoutFullRanges } from './ports.ts';

export type UdpOptions = PortOptions;

/** `-m udp`. Source: iptables-extensions(8), udp; net/netfilter/xt_tcpudp.c. */
export const udp: MatchExtension<UdpOptions> = {
  name: 'udp',
  protocols: [UDP],
  options: {
    sourcePort: negatable(['--sport', '--source-port'], decimalPorts),
    destinationPort: negatable(['--dport', '--destination-port'], decimalPorts),
  },
  listed: listedAfter(/udp/, ...listedPorts),
  complete: withoutFullRanges,
  asNft: asNftPorts,
  predicate: (ports) =>
    all(
      hasPorts(ports),
      // The nft back end compares ports by itself; without any it asks xt_tcpudp, which wants no fragment.
      ports.sourcePort || ports.destinationPort ? ALWAYS : is('fragment', 0),
    ),
};
