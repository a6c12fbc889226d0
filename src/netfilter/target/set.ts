import { integer } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { flag, type Option, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { type SetReference, setReference } from '../match/set.ts';

export interface SetTargetOptions {
  readonly add?: SetReference;
  readonly remove?: SetReference;
  /** What the set holds beside the entry goes to the packet. */
  readonly map?: SetReference;
  readonly exist?: true;
  /** Seconds. */
  readonly timeout?: number;
  readonly mapMark?: true;
  readonly mapPriority?: true;
  readonly mapQueue?: true;
}

const entry = (name: string): Option<SetReference> => ({
  names: [name],
  arity: 2,
  // The tools take a ! before it, and forget it.
  negatable: true,
  expected: setReference.expected,
  read: (words) => setReference.read(words),
  print: (of) => `${name} ${setReference.print(of)}`,
});

/** The tools let these stand again, the last one counts, and forget a ! before them. */
const lenient = <T>(option: Option<T>): Option<T> => ({ ...option, negatable: true, repeats: true });

/** `-j SET`: changes a set; packets after this one may find it changed. Source: iptables-extensions(8), SET; net/netfilter/xt_set.c. */
export const setTarget: TargetExtension<SetTargetOptions> = {
  name: 'SET',
  places: ({ map, mapPriority, mapQueue }) =>
    map
      ? {
          tables: ['mangle'],
          ...(mapPriority || mapQueue ? { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] as const } : {}),
        }
      : undefined,
  options: {
    add: entry('--add-set'),
    exist: lenient(flag('--exist')),
    timeout: lenient(value(['--timeout'], integer('a number of seconds', 0, 4_294_967_294))),
    remove: entry('--del-set'),
    map: entry('--map-set'),
    mapMark: lenient(flag('--map-mark')),
    mapPriority: lenient(flag('--map-prio')),
    mapQueue: lenient(flag('--map-queue')),
  },
  listed: listed(
    [/add-set (\S+) (\S+)/, '--add-set $1 $2'],
    [/exist/, '--exist'],
    [/timeout (\d+)/, '--timeout $1'],
    [/del-set (\S+) (\S+)/, '--del-set $1 $2'],
    [/map-set (\S+) (\S+)/, '--map-set $1 $2'],
    [/map-mark/, '--map-mark'],
    [/map-prio/, '--map-prio'],
    [/map-queue/, '--map-queue'],
  ),
  refuse({ add, remove, map, exist, timeout, mapMark, mapPriority, mapQueue }) {
    if (!add && !remove && !map) return 'SET needs one of --add-set, --del-set and --map-set';
    if (!add && (exist || timeout !== undefined)) return '--exist and --timeout are for --add-set';
    const mapped = mapMark || mapPriority || mapQueue;
    if (map && !mapped) return '--map-set needs one of --map-mark, --map-prio and --map-queue';
    return mapped && !map ? '--map-mark, --map-prio and --map-queue need --map-set' : undefined;
  },
  effect: ({ mapMark }) =>
    mapMark ? { kind: 'continue', assign: [{ field: 'mark', keep: 0, xor: 'unknown' }] } : CONTINUE,
};
