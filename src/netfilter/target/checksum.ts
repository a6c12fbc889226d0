import { CONTINUE } from '../effect.ts';
import { flag, type TargetExtension } from '../extension.ts';
import { listed } from '../listed.ts';

export interface ChecksumOptions {
  readonly fill?: true;
}

/** `-j CHECKSUM`: for programs that read packets whose checksum the card would have filled in. Source: iptables-extensions(8); net/netfilter/xt_CHECKSUM.c. */
export const checksum: TargetExtension<ChecksumOptions> = {
  name: 'CHECKSUM',
  places: { tables: ['mangle'] },
  options: { fill: flag('--checksum-fill') },
  listed: listed([/CHECKSUM fill/, '--checksum-fill']),
  required: ['fill'],
  effect: () => CONTINUE,
};
