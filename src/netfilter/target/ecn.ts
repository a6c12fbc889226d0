import { parseNumber } from '../codec.ts';
import type { Assignment } from '../effect.ts';
import type { Option, TargetExtension } from '../extension.ts';
import { ECN_FLAGS } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { TCP } from '../protocol.ts';

/** What the bits of congestion notification become; what is absent stays. */
export interface EcnBits {
  readonly ece?: 0 | 1;
  readonly cwr?: 0 | 1;
  /** The two bits of the IP header. */
  readonly ect?: number;
}

export interface EcnTargetOptions {
  readonly bits?: EcnBits;
}

function print({ ece, cwr, ect }: EcnBits): string {
  if (ece === 0 && cwr === 0 && ect === undefined) return '--ecn-tcp-remove';
  const parts = [
    ...(ece === undefined ? [] : [`--ecn-tcp-ece ${ece}`]),
    ...(cwr === undefined ? [] : [`--ecn-tcp-cwr ${cwr}`]),
    ...(ect === undefined ? [] : [`--ecn-ip-ect ${ect}`]),
  ];
  return parts.join(' ');
}

/** Each option adds to what those before it have made; one that has been said is not said again. */
const option = (
  name: string,
  expected: string,
  read: (word: string, before: EcnBits) => EcnBits | undefined,
): Option<EcnBits> => ({
  names: [name],
  arity: name === '--ecn-tcp-remove' ? 0 : 1,
  negatable: false,
  repeats: true,
  expected,
  read: ([word = ''], _negated, _family, before = {}) => read(word, before),
  print,
});

const flag = (key: 'ece' | 'cwr'): Option<EcnBits> =>
  option(`--ecn-tcp-${key}`, '0 or 1', (word, before) => {
    const bit = parseNumber(word, 1);
    return bit === undefined || before[key] !== undefined ? undefined : { ...before, [key]: bit };
  });

/** `-j ECN`. Source: iptables-extensions(8), ECN; libipt_ECN.c; net/ipv4/netfilter/ipt_ECN.c. */
export const ecnTarget: TargetExtension<EcnTargetOptions> = {
  name: 'ECN',
  places: { families: ['ipv4'], tables: ['mangle'] },
  options: {
    bits: [
      // What was said of the IP header before is forgotten, as the tools forget it.
      option('--ecn-tcp-remove', 'no value', (_word, { ece, cwr }) =>
        ece === undefined && cwr === undefined ? { ece: 0, cwr: 0 } : undefined,
      ),
      flag('ece'),
      flag('cwr'),
      option('--ecn-ip-ect', 'the two bits of the IP header, from 0 to 3', (word, before) => {
        const ect = parseNumber(word, 3);
        return ect === undefined || before.ect !== undefined ? undefined : { ...before, ect };
      }),
    ],
  },
  listed: listedAfter(
    /ECN/,
    [/TCP remove/, '--ecn-tcp-remove'],
    [/ECE=([01])/, '--ecn-tcp-ece $1'],
    [/CWR=([01])/, '--ecn-tcp-cwr $1'],
    [/ECT codepoint=([0-3])/, '--ecn-ip-ect $1'],
  ),
  required: ['bits'],
  refuse: ({ bits }, { protocol }) =>
    (bits?.ece !== undefined || bits?.cwr !== undefined) && protocol !== TCP
      ? 'the flags of TCP need -p tcp'
      : undefined,
  effect({ bits: { ece, cwr, ect } = {} }) {
    const assign: Assignment[] = [...flagTo(ECN_FLAGS.ECE, ece), ...flagTo(ECN_FLAGS.CWR, cwr)];
    return { kind: 'continue', assign: ect === undefined ? assign : [...assign, { field: 'ecn', keep: 0, xor: ect }] };
  },
};

const flagTo = (mask: number, to: number | undefined): Assignment[] =>
  to === undefined ? [] : [{ field: 'tcpFlags', keep: ~mask & 0xff, xor: to ? mask : 0 }];
