import { integer, text } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface CgroupOptions {
  readonly path?: Negatable<string>;
  /** The class of the older net_cls controller. */
  readonly class?: Negatable<number>;
}

/** `-m cgroup`: the control group of the socket. Source: iptables-extensions(8), cgroup; net/netfilter/xt_cgroup.c. */
export const cgroup: MatchExtension<CgroupOptions> = {
  name: 'cgroup',
  places: { hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'] },
  options: {
    path: negatable(['--path'], {
      ...text(0, 511),
      print: (path) => `"${path.replace(/["\\']/g, '\\$&')}"`,
    }),
    class: negatable(['--cgroup'], integer('a class', 0, 0xffff_ffff)),
  },
  refuse: ({ path, class: of }) =>
    (path === undefined) === (of === undefined) ? 'cgroup needs either --path or --cgroup' : undefined,
  predicate: () => unknown('the control group of the process is not known'),
};
