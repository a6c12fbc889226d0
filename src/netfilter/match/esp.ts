import { type NumberRange, numberRange, silentWhenFull } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { all, between, is, type Predicate, unless } from '../predicate.ts';
import { ESP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

export interface EspOptions {
  readonly spi?: Negatable<NumberRange>;
}

const HIGHEST = 0xffff_ffff;

/** The option by which ah and esp choose an SPI. */
export const spiOption = (name: '--ahspi' | '--espspi') =>
  silentWhenFull(negatable([name], numberRange('an SPI', HIGHEST)), HIGHEST);

/** A range that holds every SPI matches whatever the packet says, and negated nothing. */
export function spiIn(option: Negatable<NumberRange> | undefined): Predicate {
  const { value = [0, HIGHEST], negated = false } = option ?? {};
  const full = value[0] === 0 && value[1] === HIGHEST;
  return unless(negated, full ? all() : between('spi', value as NumberRange));
}

/** `-m esp`. Source: iptables-extensions(8), esp; net/netfilter/xt_esp.c. */
export const esp: MatchExtension<EspOptions> = {
  name: 'esp',
  protocols: [ESP],
  options: { spi: spiOption('--espspi') },
  listed: listedAfter(/esp/, [/spis?:(!?)(\d+(?::\d+)?)/, '$1 --espspi $2']),
  // Never true of a later fragment, negated or not.
  predicate: ({ spi }) => all(spiIn(spi), is('fragment', 0)),
};
