import type { Listener, Rule, Snapshot, Unread } from '../netfilter/index.ts';
import { parseSets } from '../text/index.ts';
import { wishedBackend } from './backend.ts';
import { run } from './command.ts';
import { refusalOf } from './complaint.ts';
import { kernelWest, needsKernelZone } from './kernel-zone.ts';
import { parseSocketStatistics, SS_WORDS, withProcesses } from './listeners.ts';
import { readMixedTables } from './mixed-tables.ts';
import type { Namespace } from './namespace.ts';
import { readState } from './state.ts';
import { findTool, installHint, type Tool } from './tool.ts';

export interface SnapshotOptions {
  /** Throw when the rules cannot be read, instead of saying so in `unread`. */
  readonly needRules?: boolean;
}

/**
 * Reads all that decides a packet's fate in a namespace. What cannot be read is undefined, and `unread` says why; with
 * `needRules`, NotPermitted or MissingPackage is thrown instead when no rules can be read at all.
 */
export async function readSnapshot(namespace: Namespace, options: SnapshotOptions = {}): Promise<Snapshot> {
  // A name that is none is told at once, not only when something is to be changed.
  wishedBackend();
  const [{ snapshot, refusals }, listeners] = await Promise.all([
    readState(namespace, { counters: true }).then((state) => readMixedTables(namespace, state)),
    readListeners(namespace),
  ]);
  const [refused] = refusals;
  if (options.needRules && refused !== undefined && snapshot.held.every(({ rules }) => rules.tables.length === 0))
    throw refused.error;
  return complete(withKernelZone(snapshot), listeners, await readIpsets(namespace, snapshot));
}

/** The kernel's time zone, where a rule goes by it. */
function withKernelZone(snapshot: Snapshot): Snapshot {
  const west = needsKernelZone(snapshot) ? kernelWest() : undefined;
  return west === undefined ? snapshot : { ...snapshot, clocks: { ...snapshot.clocks, kernelWest: west } };
}

const complete = (
  { unread: known = [], ...snapshot }: Snapshot,
  listeners: Part<readonly Listener[]>,
  ipsets: Part<string>,
): Snapshot => {
  const unread = [...known, ...listeners.unread, ...ipsets.unread];
  return {
    ...snapshot,
    ...(listeners.value === undefined ? {} : { listeners: listeners.value }),
    ...(ipsets.value === undefined
      ? {}
      : { ipsets: ipsets.value, sets: parseSets(ipsets.value, { source: 'ipset save', keepGoing: true }) }),
    ...(unread.length > 0 ? { unread } : {}),
  };
};

/** A part of the snapshot: its value, or nothing and why. */
interface Part<T> {
  readonly value?: T;
  readonly unread: readonly Unread[];
}

/** Sockets, and their processes as far as they may be seen. */
const readListeners = (namespace: Namespace): Promise<Part<readonly Listener[]>> =>
  ask(namespace, 'listeners', 'listening sockets', 'ss', SS_WORDS, (text) =>
    withProcesses(parseSocketStatistics(text), namespace.inode),
  );

/** Sets, where a rule names one. */
async function readIpsets(namespace: Namespace, { held }: Snapshot): Promise<Part<string>> {
  const used = held.some(({ rules }) =>
    rules.tables.some(({ chains }) => chains.some(({ rules }) => rules.some(namesSet))),
  );
  if (!used) return { unread: [] };
  return ask(namespace, 'ipsets', 'the ipsets that rules name', 'ipset', ['save'], (text) => text);
}

const namesSet = ({ matches, target }: Rule): boolean =>
  matches.some(({ name }) => name === 'set') || (target !== undefined && 'name' in target && target.name === 'SET');

/** Runs one command inside and reads what it prints; a failure becomes a reason. */
async function ask<T>(
  namespace: Namespace,
  about: Unread['about'],
  what: string,
  tool: Tool,
  words: readonly string[],
  read: (text: string) => T,
): Promise<Part<T>> {
  const missing = (because: string, hint?: string): Part<T> => ({
    unread: [{ about, what, because, ...(hint === undefined ? {} : { hint }) }],
  });
  const path = findTool(tool);
  if (path === undefined) return missing(`${tool} is not installed`, installHint([tool]));
  const done = await run([...namespace.enter, path, ...words]);
  if (done.status === 0) return { value: read(done.stdout), unread: [] };
  const error = refusalOf(done, { doing: `reading ${what}` }) as Error & { readonly hint?: string };
  return missing(error.message, error.hint);
}
