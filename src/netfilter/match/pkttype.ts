import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { PACKET_TYPE } from '../fields.ts';
import { listed } from '../listed.ts';
import { ALWAYS, is, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

type Kind = keyof typeof PACKET_TYPE;

export interface PkttypeOptions {
  readonly kind?: Negatable<Kind>;
}

const NAMES: Readonly<Record<string, Kind>> = {
  unicast: 'unicast',
  host: 'unicast',
  broadcast: 'broadcast',
  bcast: 'broadcast',
  multicast: 'multicast',
  mcast: 'multicast',
  otherhost: 'otherhost',
};

const kind: Codec<Kind> = {
  expected: 'unicast, broadcast, multicast or otherhost',
  read(word) {
    const name = word.toLowerCase();
    return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  },
  print: (name) => name,
};

/** `-m pkttype`: whom the frame was addressed to. Source: iptables-extensions(8), pkttype; net/netfilter/xt_pkttype.c. */
export const pkttype: MatchExtension<PkttypeOptions> = {
  name: 'pkttype',
  options: { kind: negatable(['--pkt-type'], kind) },
  listed: listed([/PKTTYPE (!?)=+ (\S+)/, '$1 --pkt-type $2']),
  required: ['kind'],
  predicate: ({ kind: of }) => (of ? unless(of.negated, is('packetType', PACKET_TYPE[of.value])) : ALWAYS),
};
