import { parseNumber } from '../codec.ts';
import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { type ListedPart, listed } from '../listed.ts';
import { ALWAYS, all, is, type Predicate, unless } from '../predicate.ts';
import { ICMP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

/** A type, and a code of it; without a code every one of them counts. */
export interface IcmpType {
  readonly type: number;
  readonly code?: number;
}

export interface IcmpOptions {
  readonly type?: Negatable<IcmpType>;
}

/** The IPv4 type that stands for all of them. */
const ANY = 255;

/** Names as `iptables -p icmp -h` lists them, each with its type and, after a slash, its code. */
export const ICMP_NAMES: Readonly<Record<string, string>> = {
  any: '255',
  'echo-reply': '0',
  pong: '0',
  'destination-unreachable': '3',
  'network-unreachable': '3/0',
  'host-unreachable': '3/1',
  'protocol-unreachable': '3/2',
  'port-unreachable': '3/3',
  'fragmentation-needed': '3/4',
  'source-route-failed': '3/5',
  'network-unknown': '3/6',
  'host-unknown': '3/7',
  'network-prohibited': '3/9',
  'host-prohibited': '3/10',
  'tos-network-unreachable': '3/11',
  'tos-host-unreachable': '3/12',
  'communication-prohibited': '3/13',
  'host-precedence-violation': '3/14',
  'precedence-cutoff': '3/15',
  'source-quench': '4',
  redirect: '5',
  'network-redirect': '5/0',
  'host-redirect': '5/1',
  'tos-network-redirect': '5/2',
  'tos-host-redirect': '5/3',
  'echo-request': '8',
  ping: '8',
  'router-advertisement': '9',
  'router-solicitation': '10',
  'time-exceeded': '11',
  'ttl-exceeded': '11',
  'ttl-zero-during-transit': '11/0',
  'ttl-zero-during-reassembly': '11/1',
  'parameter-problem': '12',
  'ip-header-bad': '12/0',
  'required-option-missing': '12/1',
  'timestamp-request': '13',
  'timestamp-reply': '14',
  'address-mask-request': '17',
  'address-mask-reply': '18',
};

/** A type by number, number and code, or a name, of which an unambiguous beginning is enough. */
export function icmpCodec(names: Readonly<Record<string, string>>, any: number | undefined): Codec<IcmpType> {
  return {
    expected: 'an ICMP type: a number from 0 to 255, a number with a code like 3/1, or a name like echo-request',
    read(word) {
      const [type = '', code, ...more] = (named(names, word) ?? word).split('/');
      const number = parseNumber(type, 255);
      const low = code === undefined ? undefined : parseNumber(code, 255);
      if (number === undefined || more.length > 0 || (code !== undefined && low === undefined)) return undefined;
      return low === undefined || number === any ? { type: number } : { type: number, code: low };
    },
    print: ({ type, code }) => (type === any ? 'any' : code === undefined ? String(type) : `${type}/${code}`),
  };
}

function named(names: Readonly<Record<string, string>>, word: string): string | undefined {
  const wanted = word.toLowerCase();
  if (wanted === '' || /^\d/.test(wanted)) return undefined;
  const hits = Object.keys(names).filter((name) => name.startsWith(wanted));
  return hits.length === 1 ? names[hits[0] ?? ''] : undefined;
}

export const isType = ({ type, code }: IcmpType): Predicate =>
  all(is('icmpType', type), code === undefined ? ALWAYS : is('icmpCode', code));

/** `icmptype 3 code 1`, `icmp !type 8`, `icmp echo-request`: types as `iptables -L` shows them. */
export function listedTypes(lead: string, option: string): readonly ListedPart[] {
  const numbered = (bang: string, type: string, code: string): string =>
    `${bang} ${option} ${type}${code === '' ? '' : `/${code}`}`;
  return [
    [new RegExp(`${lead}(?: (!))?type (\\d+)(?: code (\\d+)|(?! code))`), numbered],
    [new RegExp(`${lead} (!?)([a-zA-Z][\\w-]*)`), `$1 ${option} $2`],
  ];
}

/** `-m icmp`. Source: iptables-extensions(8), icmp; net/ipv4/netfilter/ip_tables.c, icmp_match. */
export const icmp: MatchExtension<IcmpOptions> = {
  name: 'icmp',
  places: { families: ['ipv4'] },
  protocols: [ICMP],
  options: { type: negatable(['--icmp-type'], icmpCodec(ICMP_NAMES, ANY)) },
  listed: listed(...listedTypes('icmp', '--icmp-type')),
  required: ['type'],
  // Never true of a non-first fragment, negated or not.
  predicate: ({ type }) =>
    all(type ? unless(type.negated, type.value.type === ANY ? ALWAYS : isType(type.value)) : ALWAYS, is('fragment', 0)),
};
