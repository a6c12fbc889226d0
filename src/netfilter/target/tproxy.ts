import type { AddressValue } from '../../address/index.ts';
import { hexadecimal, hostAddress, type MaskedMark, maskedMark, parseDecimalPort } from '../codec.ts';
import { type Codec, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { TCP, UDP } from '../protocol.ts';

export interface TproxyOptions {
  /** 0: the packet's own destination port. */
  readonly port?: number;
  /** 0: the primary address of the incoming interface. */
  readonly address?: AddressValue;
  readonly mark?: MaskedMark;
}

const port: Codec<number> = {
  expected: 'a port from 0 to 65535',
  read: parseDecimalPort,
  print: String,
};

/** `-j TPROXY`. Source: iptables-extensions(8), TPROXY; net/netfilter/xt_TPROXY.c. */
export const tproxy: TargetExtension<TproxyOptions> = {
  name: 'TPROXY',
  places: { tables: ['mangle'], hooks: ['PREROUTING'] },
  protocols: [TCP, UDP],
  options: {
    port: value(['--on-port'], port),
    address: value(['--on-ip'], hostAddress),
    mark: value(['--tproxy-mark'], {
      ...maskedMark,
      print: ({ value: of, mask }) => `${hexadecimal(of)}/${hexadecimal(mask)}`,
    }),
  },
  listed: listed([/TPROXY redirect (\S+):(\d+) mark (\S+)/, '--on-ip $1 --on-port $2 --tproxy-mark $3']),
  required: ['port'],
  complete: (options, family) => ({
    ...options,
    address: options.address ?? (family === 'ipv4' ? 0 : 0n),
    mark: options.mark ?? { value: 0, mask: 0 },
  }),
  effect: ({ port: to = 0, address: at, mark }) => ({
    kind: 'tproxy',
    port: to,
    ...(at ? { address: at } : {}),
    ...(mark && (mark.value !== 0 || mark.mask !== 0) ? { mark } : {}),
  }),
};
