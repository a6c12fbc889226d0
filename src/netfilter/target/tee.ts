import type { AddressValue } from '../../address/index.ts';
import { hostAddress, plainName } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface TeeOptions {
  readonly gateway?: AddressValue;
  /** The interface by which the copy leaves. */
  readonly out?: string;
}

/** `-j TEE`: a copy of the packet goes to another host; the packet itself goes on. Source: iptables-extensions(8), TEE; net/netfilter/xt_TEE.c. */
export const tee: TargetExtension<TeeOptions> = {
  name: 'TEE',
  options: {
    gateway: value(['--gateway'], hostAddress),
    out: value(['--oif'], plainName('the name of an interface', 15)),
  },
  listed: listed([/TEE gw:(\S+)/, '--gateway $1'], [/oif=(\S+)/, '--oif $1']),
  required: ['gateway'],
  refuse: ({ gateway }) =>
    gateway !== undefined && Number(gateway) === 0 ? 'a copy cannot be sent to no address' : undefined,
  effect: () => CONTINUE,
};
