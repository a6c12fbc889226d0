import { type AddressValue, type Family, formatAddress, type Range } from '../address/index.ts';
import type { Diverted } from '../interception/index.ts';
import { TCP, UDP } from '../netfilter/index.ts';

/** What a packet has that nothing is said of: what the reader of packets assumes, too. */
const USUAL = {
  port: 8080,
  sourcePort: 40000,
  uid: 1000,
  own: { ipv4: 0x0a00_0005, ipv6: 0x2001_0db8_0000_0000_0000_0000_0000_0005n },
  source: { ipv4: 0x0a00_0009, ipv6: 0x2001_0db8_0000_0000_0000_0000_0000_0009n },
  elsewhere: { ipv4: 0xc000_0201, ipv6: 0x2001_0db8_0000_0000_0000_0000_0000_00c1n },
} as const;

/** How many kinds of connection are worth a packet each. */
const ENOUGH = 12;

/** A packet of each kind of connection: from elsewhere, to elsewhere, own calls; of these, the one with the fewest words first. */
export const packetsIn = (diverted: readonly Diverted[], family: Family): string[] => {
  const ofWorld = (world: Diverted['world']): string[] =>
    diverted
      .flatMap((one) => (one.world === world ? (packetIn(one, family) ?? []) : []))
      .sort((a, b) => a.length - b.length);
  return [...new Set((['inbound', 'outbound', 'self'] as const).flatMap(ofWorld))].slice(0, ENOUGH);
};

/**
 * One of a set of connections, as people write a packet: `in tcp/8888`, `out tcp > 192.0.2.1:443 uid 1000`. What may be the
 * usual is left out. Undefined where none can be written: neither tcp nor udp, or an interface that is not named.
 */
export function packetIn(
  { world, connections }: Pick<Diverted, 'world' | 'connections'>,
  family: Family,
): string | undefined {
  const { values, names } = connections;
  const one = (ranges: readonly Range[] | undefined, ...usual: readonly AddressValue[]): AddressValue | undefined =>
    ranges === undefined
      ? usual[0]
      : (usual.find((value) => ranges.some(([low, high]) => low <= value && value <= high)) ??
        ranges.map(([low, high]) => (Number(low) > 0 ? low : high))[0]);
  const protocol = one(values.protocol, TCP, UDP);
  const word = protocol === TCP ? 'tcp' : protocol === UDP ? 'udp' : undefined;
  const port = one(values.destinationPort, USUAL.port);
  const iface = world === 'inbound' ? names.in : world === 'outbound' ? names.out : undefined;
  if (!word || port === undefined || iface?.within?.endsWith('+')) return undefined;
  const end = (address: AddressValue | undefined, at: AddressValue | undefined): string => {
    const host = address === undefined ? '' : formatAddress(family, address);
    return `${family === 'ipv6' && host !== '' ? `[${host}]` : host}${at === undefined ? '' : `:${at}`}`;
  };
  const unless = (value: AddressValue | undefined, usual: AddressValue) => (value === usual ? undefined : value);
  const from = world === 'inbound' ? USUAL.source[family] : USUAL.own[family];
  const source = unless(one(values.source, from), from);
  const sourcePort = unless(one(values.sourcePort, USUAL.sourcePort), USUAL.sourcePort);
  const destination = world === 'outbound' ? one(values.destination, USUAL.elsewhere[family]) : undefined;
  const [here, there] = [end(source, sourcePort), end(destination, port)];
  const ends = here === '' && destination === undefined ? `/${port}` : ` ${here === '' ? '' : `${here} `}> ${there}`;
  const uid = world === 'inbound' ? undefined : one(values.uid, USUAL.uid);
  const gid = unless(one(values.gid, uid ?? USUAL.uid), uid ?? USUAL.uid);
  const mark = unless(one(values.mark, 0), 0);
  const options = [
    ...(iface?.within === undefined ? [] : [`on ${iface.within}`]),
    ...(uid === undefined || (uid === USUAL.uid && world === 'self') ? [] : [`uid ${uid}`]),
    ...(gid === undefined || world === 'inbound' ? [] : [`gid ${gid}`]),
    ...(mark === undefined ? [] : [`mark ${mark}`]),
  ];
  return [`${WAYS[world]} ${word}${ends}`, ...options].join(' ');
}

const WAYS = { inbound: 'in', outbound: 'out', self: 'self' } as const;
