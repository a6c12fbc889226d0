import { uint64 } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, choice, NEVER, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface QuotaOptions {
  /** Bytes that may pass. */
  readonly quota?: Negatable<bigint>;
}

const NO_BANG = 'the listing does not show whether a quota is negated (! --quota)';

/** `-m quota`. Source: iptables-extensions(8), quota; net/netfilter/xt_quota.c. */
export const quota: MatchExtension<QuotaOptions> = {
  name: 'quota',
  options: { quota: negatable(['--quota'], uint64) },
  listed: listed([/quota: \d+ bytes/, undefined, () => NO_BANG]),
  required: ['quota'],
  predicate({ quota: of }) {
    if (!of) return ALWAYS;
    const left = choice(`quota ${of.value}`, `${of.value} bytes may pass, and how many are left is not known`);
    return unless(of.negated, of.value === 0n ? NEVER : left);
  },
};
