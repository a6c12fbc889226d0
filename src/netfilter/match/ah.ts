import { integer, type NumberRange } from '../codec.ts';
import { flag, type MatchExtension, negatable } from '../extension.ts';
import { IPV6_HEADERS } from '../fields.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, hasAnyBit, is, unknown } from '../predicate.ts';
import { AH } from '../protocol.ts';
import type { Negatable } from '../rules.ts';
import { spiIn, spiOption } from './esp.ts';

export interface AhOptions {
  readonly spi?: Negatable<NumberRange>;
  /** IPv6: bytes of the header. */
  readonly length?: Negatable<number>;
  /** IPv6: the reserved field is zero. */
  readonly reserved?: true;
}

const bytes = integer('a number of bytes', 0, 0xffff_ffff);
const length = negatable(['--ahlen'], bytes);

/**
 * `-m ah`: in IPv4 a protocol, in IPv6 a header among others. Source: iptables-extensions(8), ah; net/ipv4/netfilter/ipt_ah.c;
 * net/ipv6/netfilter/ip6t_ah.c.
 */
export const ah: MatchExtension<AhOptions> = {
  name: 'ah',
  options: {
    spi: spiOption('--ahspi'),
    // The tools take 0 for no length at all.
    length: { ...length, print: (of, family) => (of.value === 0 && !of.negated ? '' : length.print(of, family)) },
    reserved: flag('--ahres'),
  },
  // Nothing stands between the SPI and the length.
  listed: listed([
    /ah(?: +spis?:(!?)(\d+(?::\d+)?))?(?: *length:(!?)(\d+))?(?: +(reserved))?/,
    (other, spi, unlike, long, reserved) =>
      [spi && `${other} --ahspi ${spi}`, long && `${unlike} --ahlen ${long}`, reserved && '--ahres'].join(' '),
  ]),
  refuse({ length: of, reserved }, { family, protocol }) {
    if (family === 'ipv6') return undefined;
    if (of || reserved) return '--ahlen and --ahres are for IPv6';
    return protocol === AH ? undefined : 'ah needs -p ah';
  },
  predicate({ spi, length: of, reserved }, { family }) {
    if (family === 'ipv4') return all(spiIn(spi), is('fragment', 0));
    const rest =
      (of && of.value !== 0) || reserved ? unknown('the length and the rest of the AH header are not known') : ALWAYS;
    return all(hasAnyBit('headers', IPV6_HEADERS.ah), spiIn(spi), rest);
  },
};
