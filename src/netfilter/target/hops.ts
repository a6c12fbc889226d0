import { integer } from '../codec.ts';
import type { Assignment } from '../effect.ts';
import { type OptionTable, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

/** What becomes of a packet's life: TTL in IPv4, hop limit in IPv6. One of the three. */
export interface HopsOptions {
  readonly set?: number;
  readonly decrease?: number;
  readonly increase?: number;
}

function assignment({ set, decrease = 0, increase = 0 }: HopsOptions): Assignment {
  if (set !== undefined) return { field: 'ttl', keep: 0, xor: set };
  return { field: 'ttl', keep: 0xff, xor: 0, add: increase - decrease };
}

const options = (name: 'ttl' | 'hl'): OptionTable<HopsOptions> => ({
  set: value([`--${name}-set`], integer('a number of hops', 0, 255)),
  decrease: value([`--${name}-dec`], integer('a number of hops', 1, 255)),
  increase: value([`--${name}-inc`], integer('a number of hops', 1, 255)),
});

const hops = (name: 'TTL' | 'HL', family: 'ipv4' | 'ipv6'): TargetExtension<HopsOptions> => {
  const word = name === 'TTL' ? 'ttl' : 'hl';
  return {
    name,
    places: { families: [family], tables: ['mangle'] },
    options: options(word),
    listed: listed(
      [new RegExp(`${name} set to (\\d+)`), `--${word}-set $1`],
      [new RegExp(`${name} decrement by (\\d+)`), `--${word}-dec $1`],
      [new RegExp(`${name} increment by (\\d+)`), `--${word}-inc $1`],
    ),
    refuse: (given) =>
      Object.keys(given).length === 1
        ? undefined
        : `${name} needs one of --${word}-set, --${word}-dec and --${word}-inc`,
    effect: (given) => ({ kind: 'continue', assign: [assignment(given)] }),
  };
};

/** `-j TTL` and `-j HL`. Source: iptables-extensions(8), TTL and HL; net/netfilter/xt_HL.c. */
export const ttlTarget = hops('TTL', 'ipv4');
export const hlTarget = hops('HL', 'ipv6');
