import { type AddressValue, type Family, parseIpv4, parseIpv6 } from '../../../address/index.ts';
import { WEEKDAYS } from '../../clock.ts';
import { ADDRESS_TYPE, CTSTATE, CTSTATUS, TCP_FLAGS } from '../../fields.ts';
import { macAddress } from '../../mac-address.ts';
import { protocolNumber } from '../../protocol.ts';
import { servicePort } from '../../service.ts';

/** How nft's words for a kind of value become numbers; undefined where a word is none of its. Source: nft(8), DATA TYPES. */
export type Datatype = (word: string) => AddressValue | undefined;

/** Numbers of their own, in decimal or hexadecimal. */
export const integer: Datatype = (word) => (/^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(word) ? Number(word) : undefined);

const named =
  (names: Readonly<Record<string, number>>): Datatype =>
  (word) =>
    Object.hasOwn(names, word) ? names[word] : integer(word);

/** The names of a table as nft writes them: in lower case, with dashes. */
const inLowerCase = (names: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(names).map(([name, bits]) => [name.toLowerCase().replaceAll('_', '-'), bits]));

export const address: Readonly<Record<Family, Datatype>> = { ipv4: parseIpv4, ipv6: parseIpv6 };
export const service: Datatype = (word) => integer(word) ?? servicePort(word);
export const protocol: Datatype = protocolNumber;

/** Users of the machine that holds the rules: only root is the same everywhere. */
export const owner = named({ root: 0 });
export const ctState = named(inLowerCase(CTSTATE));
export const ctStatus = named({ ...inLowerCase(CTSTATUS), dying: 512 });
export const ctDirection = named({ original: 0, reply: 1 });
export const tcpFlag = named({ ...inLowerCase(TCP_FLAGS), ecn: 64, cwr: 128 });
export const nfproto = named({ ipv4: 2, ipv6: 10 });
export const etherType = named({ ip: 0x800, ip6: 0x86dd, arp: 0x806, vlan: 0x8100 });

/** The loopback device's type. Source: linux/if_arp.h, ARPHRD_LOOPBACK. */
export const LOOPBACK_TYPE = 772;
export const interfaceType = named({
  ether: 1,
  ppp: 512,
  ipip: 768,
  ipip6: 769,
  loopback: LOOPBACK_TYPE,
  sit: 776,
  ipgre: 778,
});

/** Kinds of address by the number of their bit. Source: linux/rtnetlink.h, RTN_*. */
export const addressType = named(
  Object.fromEntries(Object.entries(ADDRESS_TYPE).map(([name, bit]) => [name.toLowerCase(), Math.log2(bit)])),
);

/** Kinds of frame as linux/if_packet.h numbers them. */
export const packetType = named({ host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 });

/** Classes of service. Source: nft(8), DSCP; RFC 2474, 2597, 3246. */
export const dscp = named({
  be: 0,
  ef: 46,
  ...Object.fromEntries(Array.from({ length: 8 }, (_, number) => [`cs${number}`, number * 8])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap((group) => [1, 2, 3].map((drop) => [`af${group}${drop}`, group * 8 + drop * 2])),
  ),
});

export const ecn = named({ 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 });

/** `00:11:22:33:44:55` as a number. */
export const mac: Datatype = (word) => macAddress.read(word, 'ipv4');

export const icmpType = named({
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'info-request': 15,
  'info-reply': 16,
  'address-mask-request': 17,
  'address-mask-reply': 18,
});

export const icmpv6Type = named({
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
});

export const icmpCode = named({
  'net-unreachable': 0,
  'host-unreachable': 1,
  'prot-unreachable': 2,
  'port-unreachable': 3,
  'frag-needed': 4,
  'net-prohibited': 9,
  'host-prohibited': 10,
  'admin-prohibited': 13,
});

export const icmpv6Code = named({
  'no-route': 0,
  'admin-prohibited': 1,
  'addr-unreachable': 3,
  'port-unreachable': 4,
  'policy-fail': 5,
  'reject-route': 6,
});

/** Days of the week. */
export const weekday = named(Object.fromEntries(WEEKDAYS.map((day, index) => [day, index])));

/** `09:30`, `09:30:15`: seconds of the day. */
export const timeOfDay: Datatype = (word) => {
  const [, hours, minutes, seconds = '0'] = /^(\d\d):(\d\d)(?::(\d\d))?$/.exec(word) ?? [];
  return hours === undefined ? undefined : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
};

/** `2026-12-01 10:30:00`: seconds since 1970. */
export const date: Datatype = (word) => {
  const [, day, time] = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d(?::\d\d)?))?$/.exec(word) ?? [];
  const seconds = day === undefined ? Number.NaN : Date.parse(`${day}T${time ?? '00:00'}Z`) / 1000;
  return Number.isNaN(seconds) ? undefined : seconds;
};

const SYMBOLS: Readonly<Record<string, Datatype>> = {
  inet_proto: protocol,
  ether_type: etherType,
  nf_proto: nfproto,
  icmp_type: icmpType,
  icmp_code: icmpCode,
  icmpv6_type: icmpv6Type,
  icmpv6_code: icmpv6Code,
  fib_addrtype: addressType,
  day: weekday,
  pkt_type: named({ host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 }),
};

/**
 * How the names of a data type become numbers, by nft's name for the type; undefined where its values have none.
 *
 * @example nftSymbols('icmp_type')?.('echo-request') // 8
 */
export const nftSymbols = (datatype: string): ((word: string) => number | undefined) | undefined => {
  const symbols = Object.hasOwn(SYMBOLS, datatype) ? SYMBOLS[datatype] : undefined;
  return (
    symbols &&
    ((word) => {
      const value = symbols(word);
      return typeof value === 'number' ? value : undefined;
    })
  );
};
