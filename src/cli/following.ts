import {
  type Block,
  connectionDocument,
  connectionScreen,
  connectionTable,
  nextAfter,
  outcomeTable,
  questionWords,
  type Screen,
  traceDocument,
  type WalkOptions,
  walkDot,
  walkScreen,
  withReasons,
} from '../explain/index.ts';
import { proxyPortsOf } from '../interception/index.ts';
import { CTSTATE, type Snapshot, TCP, TCP_FLAGS } from '../netfilter/index.ts';
import { type Conversation, prepare, prepareConversation, type Question, type Trace } from '../trace/index.ts';
import { UsageError } from './usage.ts';

/** A way to follow what is asked about, and to tell of it. */
export interface Following<T> {
  follow(question: Question): T;
  /** Nobody gets it: what makes the exit status 1. */
  isFinding(told: T): boolean;
  document(told: T): object;
  screen(told: T): Screen;
  /** Several at once, one line each. */
  table(told: readonly T[]): Block;
  dot(told: T): string;
}

/** Packets, one by one. The next command is one of `program`, with the flags that say where the rules come from. */
export function packetsIn(snapshot: Snapshot, options: WalkOptions, program: string, flags: string): Following<Trace> {
  const next = (trace: Trace): WalkOptions => {
    const after = nextAfter(trace);
    return after ? { ...options, next: { ...after, command: `${program}${after.command}${flags}` } } : options;
  };
  return {
    follow: prepare(withReasons(snapshot), proxyPortsOf(snapshot)),
    isFinding: ({ outcome }) => ['dropped', 'rejected', 'nobody listens', 'astray'].includes(outcome.kind),
    document: traceDocument,
    screen: (trace) => walkScreen(trace, next(trace)),
    table: outcomeTable,
    dot: walkDot,
  };
}

/** Whole connections. */
export function connectionsIn(snapshot: Snapshot, options: WalkOptions): Following<Conversation> {
  return {
    follow: prepareConversation(withReasons(snapshot), proxyPortsOf(snapshot)),
    isFinding: ({ outcome }) => outcome.kind === 'not opened' || outcome.kind === 'broken',
    document: connectionDocument,
    screen: (conversation) => connectionScreen(conversation, options),
    table: connectionTable,
    dot: () => '',
  };
}

/** Throws UsageError where the packet does not begin a connection. */
export function mustOpen(question: Question): void {
  const { packet, reply } = question;
  const opens = packet.ctstate === CTSTATE.NEW && (packet.protocol !== TCP || packet.tcpFlags === TCP_FLAGS.SYN);
  if (opens && !reply) return;
  throw new UsageError(
    `no connection begins with ${reply ? 'a reply' : 'this packet'}: ${questionWords(question)}`,
    'Leave reply, state and flags out: --connection shows all packets, the first is a new one.',
  );
}
