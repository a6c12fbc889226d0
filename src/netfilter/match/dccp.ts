import { bitNames, decimalPorts, integer } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, is, unknown } from '../predicate.ts';
import { DCCP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';
import { hasPort, listedPorts, type PortOptions } from './ports.ts';

export interface DccpOptions extends PortOptions {
  /** Bits of TYPES. */
  readonly types?: Negatable<number>;
  readonly option?: Negatable<number>;
}

/** Kinds of packets in the order of their numbers. Source: linux/dccp.h. */
const TYPES = {
  REQUEST: 1,
  RESPONSE: 2,
  DATA: 4,
  ACK: 8,
  DATAACK: 16,
  CLOSEREQ: 32,
  CLOSE: 64,
  RESET: 128,
  SYNC: 256,
  SYNCACK: 512,
  INVALID: 1024,
} as const;

/** With -n a listing has numbers in their place, for INVALID all those that are left. */
const namedTypes = (list: string): string =>
  list.replace(/\d+/g, (number) => Object.keys(TYPES)[Math.min(Number(number), 10)] ?? '');

/** `-m dccp`. Source: iptables-extensions(8), dccp; net/netfilter/xt_dccp.c. */
export const dccp: MatchExtension<DccpOptions> = {
  name: 'dccp',
  protocols: [DCCP],
  options: {
    sourcePort: negatable(['--sport', '--source-port'], decimalPorts),
    destinationPort: negatable(['--dport', '--destination-port'], decimalPorts),
    types: negatable(['--dccp-types'], bitNames('kinds of DCCP packets', TYPES)),
    option: negatable(['--dccp-option'], integer('the number of a DCCP option', 1, 255)),
  },
  listed: listedAfter(
    /dccp/,
    ...listedPorts,
    [/(! )?((?:\d+|[A-Z]+)(?:,(?:\d+|[A-Z]+))*)/, (bang, list) => `${bang} --dccp-types ${namedTypes(list)}`],
    [/option=(!?)(\d+)/, '$1 --dccp-option $2'],
  ),
  predicate: ({ sourcePort, destinationPort, types, option }) =>
    all(
      is('fragment', 0),
      hasPort('sourcePort', sourcePort),
      hasPort('destinationPort', destinationPort),
      types || option ? unknown('the kind and the options of a DCCP packet are not known') : ALWAYS,
    ),
};
