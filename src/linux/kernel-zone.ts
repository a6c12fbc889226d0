import { asksMeta, type Rule, type Snapshot } from '../netfilter/index.ts';
import { loadKoffi } from './socket/calls.ts';

/** The number of gettimeofday: the C library leaves the zone out since glibc 2.31. Source: asm/unistd.h. */
const GETTIMEOFDAY: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 96, arm64: 169 };

/**
 * The time zone that the kernel itself has (sys_tz), in minutes west of UTC: 0 unless hwclock or timedatectl has set it. It is
 * one for all namespaces. Undefined where it cannot be asked: without koffi, on another processor. Source: gettimeofday(2).
 */
export function kernelWest(): number | undefined {
  const call = GETTIMEOFDAY[process.arch];
  if (call === undefined) return undefined;
  try {
    const ask = loadKoffi().load(null).func('long syscall(long, void *, _Out_ void *)');
    const zone = new Int32Array(2);
    return ask(call, null, zone) === 0 ? zone[0] : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a rule goes by it: `-m time --kerneltz`, nft's `meta day`. */
export const needsKernelZone = ({ held, native = [] }: Snapshot): boolean =>
  native.some((table) => asksMeta(table, DAY)) ||
  held.some(({ rules }) => rules.tables.some(({ chains }) => chains.some((chain) => chain.rules.some(asksZone))));

const DAY: ReadonlySet<string> = new Set(['day']);

const asksZone = ({ matches, nft }: Rule): boolean =>
  (nft !== undefined && asksMeta(nft, DAY)) ||
  matches.some((use) => use.kind === 'known' && use.name === 'time' && 'kernelZone' in (use.options as object));
