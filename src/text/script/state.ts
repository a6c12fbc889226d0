import type { Family } from '../../address/index.ts';
import type { Backend } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import type { Node, Place } from './node.ts';
import type { SetLines } from './set-lines.ts';
import type { Holding } from './tables.ts';
import type { Variables } from './variables.ts';

/** How a command ended: a command that is not looked at may have ended either way. */
export type Status = 'ok' | 'failed' | 'unknown';

/** A script while it runs. */
export interface Run {
  /** The script itself. */
  readonly text: string;
  /** The shell that is to run it: `bash`, or `sh`. */
  readonly shell: string;
  readonly variables: Variables;
  functions: Map<string, Node>;
  /** What `ipset` was asked for. */
  readonly sets: SetLines;
  holding(family: Family, backend: Backend): Holding;
  /** A command whose words make no sense, or that only a shell could run. */
  complain(fault: Fault, line: number): void;
  /** The line of a command that may have changed rules in a way that no chain of iptables can show. */
  beyond: number | undefined;
  /** A command that failed as its author must have expected, or as nobody minds. */
  failure(line: number, because: string): void;
  /** A command that is none of iptables. */
  skip(name: string, line: number): void;
  /** What is taken for granted. */
  assume(clause: string): void;
  /** Enough was said: nothing more is looked at. */
  ended: boolean;
  /** `exit`, `return`, `break` or `continue` was met: what is left on the way to the end of the shell, function, loop or round. */
  leaving: 'shell' | 'function' | 'loop' | 'round' | undefined;
  /** How many loops `break` and `continue` still leave, and in how many this stands. */
  levels: number;
  loops: number;
  /** How the last command ended. */
  last: Status;
  /** `set -e`. */
  strict: boolean;
  /** How many conditions and lists this stands in that look at how a command ends. */
  watched: number;
  /** Commands run so far: bounded. */
  count: number;
  /** The bodies of the functions that are being run, and of those that may be. */
  readonly calls: Node[];
}

/** More commands than anybody's script runs; a loop in a loop could make them any number. */
const MOST_COMMANDS = 50_000;

/** Counts what is run and looked at. False where that is more than enough. */
export function counts(of: Run, place: Place, much = 1): boolean {
  of.count += much;
  if (of.count <= MOST_COMMANDS) return true;
  if (!of.ended) loseSight(of, place, `more than ${MOST_COMMANDS} commands`);
  of.ended = true;
  return false;
}

/** Complains of what only a shell could tell. */
export const refuse = (of: Run, place: Place, message: string): void =>
  of.complain(faultAt(of, place, message), place.line);

/** The same, where no chain of iptables can show what may have changed. */
export function loseSight(of: Run, place: Place, message: string): void {
  refuse(of, place, message);
  of.beyond = place.line;
}

const faultAt = ({ shell }: Run, { at, length }: Place, message: string): Fault =>
  new Fault(
    at,
    length,
    message,
    `Expected literal words, one command after the other.
Run the script in a namespace of its own and give what it leaves: unshare -n ${shell} -c '${shell} FILE; iptables-save'
Only the network is apart there: whatever else the script does, it does to this machine.`,
  );
