import type { PortRange } from '../../address/index.ts';
import { integer, portRange, tcpFlagNames } from '../codec.ts';
import { type MatchExtension, negatable, type Option } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, hasBits, is, unknown, unless } from '../predicate.ts';
import { TCP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';
import { asNftPorts, hasPort, hasPorts, listedPorts, withoutFullRanges } from './ports.ts';

/** `--tcp-flags MASK SET`: of the flags in `mask`, exactly those in `set` are on. */
export interface TcpFlags {
  readonly mask: number;
  readonly set: number;
}

export interface TcpOptions {
  readonly sourcePort?: Negatable<PortRange>;
  readonly destinationPort?: Negatable<PortRange>;
  /** A TCP option number that must be present. */
  readonly option?: Negatable<number>;
  readonly flags?: Negatable<TcpFlags>;
}

const flags: Option<Negatable<TcpFlags>> = {
  names: ['--tcp-flags'],
  arity: 2,
  negatable: true,
  expected: 'two lists of flags, like SYN,ACK,FIN,RST SYN',
  read([maskWord = '', setWord = ''], negated) {
    const mask = tcpFlagNames.read(maskWord);
    const set = tcpFlagNames.read(setWord);
    return mask === undefined || set === undefined ? undefined : { value: { mask, set }, negated };
  },
  print: ({ value: { mask, set }, negated }) =>
    `${negated ? '! ' : ''}--tcp-flags ${tcpFlagNames.print(mask)} ${tcpFlagNames.print(set)}`,
};

/** `--syn` is FIN,SYN,RST,ACK SYN, and prints as such. */
const syn: Option<Negatable<TcpFlags>> = {
  ...flags,
  names: ['--syn'],
  arity: 0,
  expected: 'no value',
  read: (_words, negated) => ({ value: { mask: 0x17, set: 0x02 }, negated }),
};

/** Flags by name, or all of them as one number: `0x12`. */
const flagWords = (flags: string): string => (/^0x/.test(flags) ? tcpFlagNames.print(Number(flags)) : flags);

/** `-m tcp`. Source: iptables-extensions(8), tcp; net/netfilter/xt_tcpudp.c. */
export const tcp: MatchExtension<TcpOptions> = {
  name: 'tcp',
  protocols: [TCP],
  options: {
    sourcePort: negatable(['--sport', '--source-port'], portRange),
    destinationPort: negatable(['--dport', '--destination-port'], portRange),
    option: negatable(['--tcp-option'], integer('the number of a TCP option', 1, 255)),
    flags: [flags, syn],
  },
  listed: listedAfter(
    /tcp/,
    ...listedPorts,
    [/option=(!?)(\d+)/, '$1 --tcp-option $2'],
    [/flags:(!?)([^\s/]+)\/(\S+)/, (bang, mask, set) => `${bang} --tcp-flags ${flagWords(mask)} ${flagWords(set)}`],
  ),
  complete(options) {
    const kept = withoutFullRanges(options);
    const of = kept.flags;
    if (!of || of.negated || of.value.mask !== 0 || of.value.set !== 0) return kept;
    const { flags: _dropped, ...rest } = kept;
    return rest;
  },
  // With a TCP option the whole match goes to the kernel as it is.
  asNft: (options) => (options.option ? options : asNftPorts(options)),
  predicate({ flags: tcpFlags, option, ...ports }) {
    const { sourcePort, destinationPort } = ports;
    return all(
      option ? all(hasPort('sourcePort', sourcePort), hasPort('destinationPort', destinationPort)) : hasPorts(ports),
      tcpFlags ? unless(tcpFlags.negated, hasBits('tcpFlags', tcpFlags.value.mask, tcpFlags.value.set)) : ALWAYS,
      option ? unknown(`whether the packet carries TCP option ${option.value} is not known`) : ALWAYS,
      // The nft back end compares ports and flags by itself; the rest it leaves to xt_tcpudp, which wants no fragment.
      option || !(sourcePort ?? destinationPort ?? tcpFlags) ? is('fragment', 0) : ALWAYS,
    );
  },
};
