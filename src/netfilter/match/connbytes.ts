import { uint64 } from '../codec.ts';
import { type Codec, type MatchExtension, negatable, type Option, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { all, choice, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';
import { tracked } from './conntrack.ts';

type Amount = readonly [from: bigint, to: bigint];

export interface ConnbytesOptions {
  readonly amount?: Negatable<Amount>;
  readonly mode?: (typeof MODES)[number];
  readonly direction?: (typeof DIRECTIONS)[number];
}

const MODES = ['packets', 'bytes', 'avgpkt'] as const;
const DIRECTIONS = ['original', 'reply', 'both'] as const;
const MOST = (1n << 64n) - 1n;

const oneOf = <T extends string>(names: readonly T[]): Codec<T> => ({
  expected: `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
  read: (word) => names.find((name) => name === word),
  print: (name) => name,
});

const amount: Codec<Amount> = {
  expected: 'a number, or a range like 1000:5000 whose ends do not stand the wrong way round',
  read(word, family) {
    const [from = '', to = '', ...more] = word.split(':');
    const low = from === '' && word.includes(':') ? 0n : uint64.read(from, family);
    const high = to === '' ? MOST : uint64.read(to, family);
    return low === undefined || high === undefined || low > high || more.length > 0 ? undefined : [low, high];
  },
  // The tools take an end of 0 for none.
  print: ([low, high]) => (high === 0n || high === MOST ? String(low) : `${low}:${high}`),
};

/** Both ends alike, a `!` is lost: the kernel holds it as the ends in the other order. */
const amounts: Option<Negatable<Amount>> = {
  ...negatable(['--connbytes'], amount),
  read([word = ''], negated, family) {
    const of = amount.read(word, family);
    return of && { value: of, negated: negated && of[0] < of[1] };
  },
};

/** `-m connbytes`. Source: iptables-extensions(8), connbytes; libxt_connbytes.c; net/netfilter/xt_connbytes.c. */
export const connbytes: MatchExtension<ConnbytesOptions> = {
  name: 'connbytes',
  options: {
    amount: amounts,
    mode: value(['--connbytes-mode'], oneOf(MODES)),
    direction: value(['--connbytes-dir'], oneOf(DIRECTIONS)),
  },
  listed: listed([
    /(! )?connbytes (\d+(?::\d+)?) connbytes mode (\w+) connbytes direction (\w+)/,
    '$1 --connbytes $2 --connbytes-mode $3 --connbytes-dir $4',
  ]),
  required: ['amount', 'mode', 'direction'],
  // Without a connection it never matches, negated or not.
  predicate: ({ amount: of, mode, direction }) =>
    all(
      tracked,
      unless(
        of?.negated ?? false,
        choice(
          `connbytes ${of?.value.join(':')} ${mode} ${direction}`,
          'it depends on what the connection has carried so far',
        ),
      ),
    ),
};
