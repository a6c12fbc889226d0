import type { PacketFilter } from '../../netfilter/index.ts';
import { NFPROTO, type NftFamily } from '../nftables.ts';
import { type PlaceOf, type RulePlace, readHandles } from './handles.ts';
import type { TraceMessage } from './message.ts';
import { openTraceReceiver, TraceOverrun } from './receive.ts';
import { openTraceTable, TraceTableRefused } from './table.ts';

// Runs in a Node of its own inside the namespace that is watched: netlink speaks for the namespace in which it is opened.

/** Priorities at the ends of a packet's way through the tables: before raw, behind all. */
export const FIRST = -350;
const LAST = 400;

/** The chains of the watching table. */
export const WATCHING = { arrives: 'arrives', departs: 'departs', received: 'received', leaves: 'leaves' } as const;

/** What is asked of the child. */
export interface WatchRequest {
  readonly table: string;
  readonly filters: readonly PacketFilter[];
  /** Packets a second, of each filter. */
  readonly rate: number;
}

/** A trace message as one line of JSON holds it. */
export interface ToldMessage extends Omit<TraceMessage, 'networkHeader' | 'transportHeader'> {
  readonly networkHeader?: string;
  readonly transportHeader?: string;
  /** The rule that matched, where it was there when watching began. */
  readonly place?: RulePlace;
}

/** A line of the child's output. */
export type WatchLine =
  | { readonly ready: true; readonly owned: boolean }
  | { readonly message: ToldMessage }
  | { readonly lost: true }
  | { readonly refused: { readonly error?: number; readonly message: string } };

const PATIENCE = 200;

/** JSON has no numbers of 128 bits: IPv6 addresses are text. */
export const requestText = (request: WatchRequest): string =>
  JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

export const requestIn = (text: string): WatchRequest =>
  JSON.parse(text, (key, value: unknown) =>
    (key === 'source' || key === 'destination') && typeof value === 'string' ? BigInt(value) : value,
  ) as WatchRequest;

/** Has the kernel trace packets and prints what it tells, one JSON line a message, until standard input ends. */
export async function watch(request: WatchRequest, print: (line: WatchLine) => void): Promise<void> {
  let open: ReturnType<typeof start>;
  try {
    open = start(request);
  } catch (error) {
    const number = error instanceof TraceTableRefused ? error.error : undefined;
    print({ refused: { message: String(error), ...(number === undefined ? {} : { error: number }) } });
    return;
  }
  const { table, receiver, places } = open;
  let over = false;
  const end = (): void => {
    over = true;
  };
  process.stdin.on('end', end).on('error', end).resume();
  // Ctrl-C reaches the whole group: whoever reads this decides when it is over.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  print({ ready: true, owned: table.owned });
  while (!over) {
    await receiver.wait(PATIENCE);
    try {
      receiver.receive((message) => print({ message: toldMessage(message, places) }));
    } catch (error) {
      if (!(error instanceof TraceOverrun)) throw error;
      print({ lost: true });
    }
  }
  table.close();
  receiver.close();
}

function start({ table: name, filters, rate }: WatchRequest) {
  const of = (direction: PacketFilter['direction']) => filters.filter((filter) => filter.direction === direction);
  const table = openTraceTable(name, [
    { name: WATCHING.arrives, hook: 'PREROUTING', priority: FIRST, trace: { filters: of('in'), rate }, headers: true },
    {
      name: WATCHING.departs,
      hook: 'OUTPUT',
      priority: FIRST,
      trace: { filters: of('out'), rate },
      owner: true,
      headers: true,
    },
    { name: WATCHING.received, hook: 'INPUT', priority: LAST },
    { name: WATCHING.leaves, hook: 'POSTROUTING', priority: LAST },
  ]);
  const receiver = openTraceReceiver();
  return { table, receiver, places: readPlaces() };
}

/** Which rules there are now, of each family, by their handles. */
export const readPlaces = (): ReadonlyMap<number, PlaceOf> =>
  new Map((Object.keys(NFPROTO) as NftFamily[]).map((family) => [NFPROTO[family], readHandles(family)]));

/** A message as JSON holds it, with the rule that it is about. */
export function toldMessage(message: TraceMessage, places: ReadonlyMap<number, PlaceOf>): ToldMessage {
  const { networkHeader, transportHeader, ...rest } = message;
  const { family, table, handle } = rest;
  const place = handle === undefined ? undefined : places.get(family)?.(table, handle);
  return {
    ...rest,
    ...(networkHeader ? { networkHeader: Buffer.from(networkHeader).toString('hex') } : {}),
    ...(transportHeader ? { transportHeader: Buffer.from(transportHeader).toString('hex') } : {}),
    ...(place ? { place } : {}),
  };
}
