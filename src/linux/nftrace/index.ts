export { type AccountOptions, PacketAccounts, tableTitle } from './accounts.ts';
export { type PlaceOf, type RulePlace, readHandles } from './handles.ts';
export { idleIn, titlesIn, WATCH_TABLE, withoutWatchers } from './idle.ts';
export { leftWatchTables, removeWatchTables } from './left-over.ts';
export { type PacketWatch, watchPackets } from './live.ts';
export {
  readTraceMessage,
  type TracedConnection,
  type TracedVerdict,
  type TraceMessage,
  tellsConnections,
} from './message.ts';
export { openTraceReceiver, TraceOverrun, type TraceReceiver } from './receive.ts';
export { openTraceTable, type TraceChain, type Traced, type TraceTable, TraceTableRefused } from './table.ts';
export type { ToldMessage, WatchRequest } from './watch.ts';
