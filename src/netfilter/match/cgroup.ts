import { integer, quoted, text } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listedText, WORD_ENDS } from '../listed.ts';
import { unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface CgroupOptions {
  readonly path?: Negatable<string>;
  /** The class of the older net_cls controller. */
  readonly class?: Negatable<number>;
}

/** Source: the size of xt_cgroup_info_v2's path, less the closing NUL. */
const LONGEST = 511;

const CLASS_OR_PATH = 'the listing does not tell a class of net_cls (--cgroup) from a path that is a number (--path)';

const shown = listedText(/cgroup (! )?/, WORD_ENDS, LONGEST, (of, bang) =>
  /^\d+$/.test(of) ? undefined : `${bang} --path ${quoted(of)}`,
);

/** `-m cgroup`: the control group of the socket. Source: iptables-extensions(8), cgroup; net/netfilter/xt_cgroup.c. */
export const cgroup: MatchExtension<CgroupOptions> = {
  name: 'cgroup',
  places: { hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'] },
  options: {
    path: negatable(['--path'], {
      ...text(0, LONGEST),
      print: (path) => `"${path.replace(/["\\']/g, '\\$&')}"`,
    }),
    class: negatable(['--cgroup'], integer('a class', 0, 0xffff_ffff)),
  },
  listed: (line, at) => {
    const found = shown(line, at);
    return found?.end !== undefined && found.words === undefined ? { ...found, unshown: CLASS_OR_PATH } : found;
  },
  refuse: ({ path, class: of }) =>
    (path === undefined) === (of === undefined) ? 'cgroup needs either --path or --cgroup' : undefined,
  predicate: () => unknown('the control group of the process is not known'),
};
