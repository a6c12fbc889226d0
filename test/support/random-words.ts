import type { Family } from '../../src/address/index.ts';
import type { Places } from '../../src/netfilter/index.ts';
import type { Random } from './random.ts';

/** One way to write an extension's options: the words, the protocol they need, and where this form may stand. */
export interface Form {
  readonly words: string;
  readonly protocol?: string;
  readonly places?: Places;
  /** A match that has to stand before, as `-m tcp …`. */
  readonly before?: string;
}

export type Make = (random: Random, family: Family) => Form;

export const bang = (random: Random): string => (random.oneIn(3) ? '! ' : '');

export const randomAddress = (random: Random, family: Family): string =>
  family === 'ipv4'
    ? [10 + random.below(3), random.below(3), random.below(256), random.below(256)].join('.')
    : random.pick([
        '::1',
        'fe80::',
        '2001:db8::5',
        '2001:db8:0:0:1::',
        '::ffff:10.0.0.1',
        'ff02::1',
        '1:2:3:4:5:6:7:8',
      ]);

/** An option with a value, in or left out, negated or not. */
export const perhaps = (random: Random, name: string, make: () => string, negatable = true): string[] =>
  random.oneIn(2) ? [`${negatable ? bang(random) : ''}${name} ${make()}`] : [];
export const flagged = (random: Random, ...names: string[]): string[] => names.filter(() => random.oneIn(3));
/** Options in a random order: the kernel has one of its own. */
export const shuffled = (random: Random, ...options: string[][]): string => random.shuffle(options.flat()).join(' ');

export const atLeastOne = (random: Random, make: () => string[][]): string => {
  for (;;) {
    const options = make().flat();
    if (options.length > 0) return random.shuffle(options).join(' ');
  }
};

/** Numbers of 32 bits and ranges of them; one may hold all, or stand the wrong way round. */
export const numbers = (random: Random): string =>
  random.pick(['5', '0x10', '5:9', ':9', '9:', '9:5', '0:4294967295', '7:7', String(random.below(100_000))]);
