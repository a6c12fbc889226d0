import type { Family } from '../../address/index.ts';
import type { Backend } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import type { Call } from './arguments.ts';
import type { Variables } from './expand.ts';
import type { Node, Place } from './parse.ts';
import type { Holding } from './tables.ts';

/** How a command ended: a command that is not looked at may have ended either way. */
export type Status = 'ok' | 'failed' | 'unknown';

/** A script while it runs. */
export interface Run {
  /** The script itself. */
  readonly text: string;
  readonly variables: Variables;
  readonly functions: Map<string, Node>;
  holding(family: Family, backend: Backend): Holding;
  /** A command whose words make no sense, or that only a shell could run. */
  complain(fault: Fault, line: number): void;
  /** A call whose rule cannot be read, or that may have been made or not. */
  unread(call: Call, holding: Holding, line: number): void;
  /** A command that failed as its author must have expected, or as nobody minds. */
  failure(line: number, because: string): void;
  /** A command that is none of iptables. */
  skip(name: string, line: number): void;
  /** What is taken for granted. */
  assume(clause: string): void;
  /** `exit` was met, or a failure under `set -e`. */
  ended: boolean;
  /** `return`, `break` or `continue` was met: what is left on the way to the end of the function, loop or round. */
  leaving: 'function' | 'loop' | 'round' | undefined;
  /** `set -e`. */
  strict: boolean;
  /** How many conditions and lists this stands in that look at how a command ends. */
  watched: number;
  /** Commands run so far: bounded. */
  count: number;
  depth: number;
}

const LITERAL =
  "Expected literal words, one command after the other.\nRun the script in a namespace of its own and give what it leaves: unshare -n sh -c 'sh FILE; iptables-save'";

/** A fault of what only a shell could tell. */
export const faultAt = ({ at, length }: Place, message: string): Fault => new Fault(at, length, message, LITERAL);
