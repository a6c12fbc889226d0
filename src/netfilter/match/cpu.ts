import { integer } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, choice, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface CpuOptions {
  readonly cpu?: Negatable<number>;
}

/** `-m cpu`. Source: iptables-extensions(8), cpu; net/netfilter/xt_cpu.c. */
export const cpu: MatchExtension<CpuOptions> = {
  name: 'cpu',
  options: { cpu: negatable(['--cpu'], integer('the number of a CPU', 0, 0xffff_ffff)) },
  listed: listed([/cpu (! )?(\d+)/, '$1 --cpu $2']),
  required: ['cpu'],
  predicate: ({ cpu: of }) =>
    of
      ? unless(of.negated, choice(`cpu ${of.value}`, `any CPU may handle the packet, ${of.value} or another`))
      : ALWAYS,
};
