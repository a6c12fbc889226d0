import { integer, text } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface NflogOptions {
  readonly prefix?: string;
  readonly group?: number;
  /** Never worked; only the legacy back end keeps it. */
  readonly range?: number;
  readonly size?: number;
  readonly threshold?: number;
}

const count = integer('a number of bytes', 0, 0xffff_ffff);
const short = (what: string) => integer(what, 0, 65_535);

/** `-j NFLOG`. Source: iptables-extensions(8), NFLOG; net/netfilter/xt_NFLOG.c. */
export const nflog: TargetExtension<NflogOptions> = {
  name: 'NFLOG',
  options: {
    // The legacy back end keeps 63 bytes, the nft one 127.
    prefix: value(['--nflog-prefix'], text(1, 127)),
    group: value(['--nflog-group'], short('a group')),
    range: value(['--nflog-range'], count),
    size: value(['--nflog-size'], count),
    threshold: value(['--nflog-threshold'], short('a number of packets')),
  },
  listed: listed(
    [/nflog-prefix ("(?:[^"\\]|\\.)*"|\S+)/, (prefix) => `--nflog-prefix ${prefix}`],
    [/nflog-group (\d+)/, '--nflog-group $1'],
    [/nflog-range (\d+)/, '--nflog-range $1'],
    [/nflog-size (\d+)/, '--nflog-size $1'],
    [/nflog-threshold (\d+)/, '--nflog-threshold $1'],
  ),
  complete({ prefix, group, range, size, threshold }) {
    return {
      ...(prefix === undefined ? {} : { prefix }),
      ...(group ? { group } : {}),
      ...(range ? { range } : {}),
      ...(size === undefined ? {} : { size }),
      ...(threshold ? { threshold } : {}),
    };
  },
  refuse: ({ range, size }) =>
    range !== undefined && size !== undefined ? '--nflog-range and --nflog-size exclude each other' : undefined,
  asNft({ range: _range, ...rest }) {
    return rest;
  },
  effect: () => CONTINUE,
};
