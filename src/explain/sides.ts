import type { Conversation, Endpoint, Step } from '../trace/index.ts';
import { endpoint } from './words.ts';

/** One side of a connection: who it is, and what it sees. */
export interface Side {
  readonly who: string;
  /** The socket that answers, in words: `0.0.0.0:15001 envoy (pid 812)`. */
  readonly socket?: string;
  /** As the caller's packets look to this side. */
  readonly source?: Endpoint;
  readonly destination: Endpoint;
  readonly original?: Endpoint;
}

const WHO = {
  proxy: 'the proxy',
  app: 'the app',
  sent: 'another host',
  forwarded: 'another host',
  delivered: 'this host',
} as const;

type Answering = keyof typeof WHO;

/** Who talks to whom: the caller, and whoever its first packet reached, if it reached anybody. */
export function sidesOf({ question, turns }: Conversation): readonly Side[] {
  const caller: Side = { who: 'the caller', ...endsIn(question.packet) };
  const first = turns[0]?.trace;
  if (!first || !(first.outcome.kind in WHO)) return [caller];
  const { outcome, packet, steps } = first;
  const socket = steps.findLast((step): step is Step & { kind: 'socket' } => step.kind === 'socket');
  const original = outcome.kind === 'proxy' ? outcome.original : undefined;
  return [
    caller,
    {
      who: WHO[outcome.kind as Answering],
      ...endsIn(packet),
      ...(socket?.listener ? { socket: socket.decision } : {}),
      ...(original ? { original } : {}),
    },
  ];
}

type Ends = Conversation['question']['packet'];

const endsIn = ({ source, sourcePort, destination, destinationPort }: Ends): Pick<Side, 'source' | 'destination'> => ({
  ...(source === undefined ? {} : { source: { address: source, port: sourcePort ?? 0 } }),
  destination: { address: destination, port: destinationPort ?? 0 },
});

/** An end in words; without a port where the protocol has none. */
export const endWords = (family: Ends['family'], end: Endpoint | undefined): string =>
  end === undefined ? 'anywhere' : endpoint(family, end.address, end.port === 0 ? undefined : end.port);
