import { floating, integer } from '../codec.ts';
import { type Codec, type MatchExtension, negatable, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, choice, NEVER, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface StatisticOptions {
  readonly mode?: 'random' | 'nth';
  /** Of 2³¹: the kernel's own unit. */
  readonly probability?: Negatable<number>;
  readonly every?: Negatable<number>;
  /** The first packet of those that match, counted from 0. */
  readonly packet?: number;
}

const WHOLE = 0x8000_0000;

const mode: Codec<'random' | 'nth'> = {
  expected: 'random or nth',
  read: (word) => (word === 'random' || word === 'nth' ? word : undefined),
  print: (name) => name,
};

const probability: Codec<number> = {
  expected: 'a probability from 0 to 1, like 0.25',
  read(word) {
    const share = floating(word);
    return share !== undefined && share <= 1 ? Math.round(share * WHOLE) : undefined;
  },
  // Eleven digits as C rounds them: half to even, which toFixed does not.
  print(share) {
    const scaled = BigInt(share) * 100_000_000_000n;
    const rest = scaled % BigInt(WHOLE);
    let digits = scaled / BigInt(WHOLE);
    const half = BigInt(WHOLE / 2);
    if (rest > half || (rest === half && digits % 2n === 1n)) digits += 1n;
    const text = digits.toString().padStart(12, '0');
    return `${text.slice(0, -11)}.${text.slice(-11)}`;
  },
};

/** `-m statistic`. Source: iptables-extensions(8), statistic; net/netfilter/xt_statistic.c. */
export const statistic: MatchExtension<StatisticOptions> = {
  name: 'statistic',
  options: {
    mode: value(['--mode'], mode),
    probability: negatable(['--probability'], probability),
    every: negatable(['--every'], integer('a number of packets', 1, 0xffff_ffff)),
    packet: value(['--packet'], integer('a number of packets', 0, 0xffff_ffff)),
  },
  listed: listed(
    [/statistic mode random (! )?probability (\S+)/, '--mode random $1 --probability $2'],
    [
      /statistic mode nth (! )?every (\d+)(?: packet (\d+)|(?! packet))/,
      (bang, every, packet) => `--mode nth ${bang} --every ${every} --packet ${packet || '0'}`,
    ],
  ),
  required: ['mode'],
  refuse({ mode: how, probability: share, every, packet }) {
    if (how === 'random')
      return every || packet !== undefined || !share ? 'random mode takes --probability, and nothing else' : undefined;
    if (share || !every || packet === undefined) return 'nth mode takes --every and --packet, and nothing else';
    return packet >= every.value ? '--packet counts from 0 and must be below --every' : undefined;
  },
  predicate({ mode: how, probability: share, every, packet }) {
    if (how === 'random') {
      const of = share?.value ?? 0;
      const drawn =
        of === 0
          ? NEVER
          : of >= WHOLE
            ? ALWAYS
            : choice(`random ${of}`, `a random match with probability ${(of / WHOLE).toFixed(3)}`);
      return unless(share?.negated ?? false, drawn);
    }
    // The kernel counts to one below it: with 1 it is every packet's turn.
    if (every?.value === 1) return unless(every.negated, ALWAYS);
    const turn = choice(`nth ${every?.value} ${packet}`, `it matches one packet in ${every?.value}, in turn`);
    return unless(every?.negated ?? false, turn);
  },
};
