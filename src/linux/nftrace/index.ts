export { type PlaceOf, type RulePlace, readHandles } from './handles.ts';
export { readTraceMessage, type TracedConnection, type TracedVerdict, type TraceMessage } from './message.ts';
export { openTraceReceiver, TraceOverrun, type TraceReceiver } from './receive.ts';
export { openTraceTable, type TraceChain, type Traced, type TraceTable } from './table.ts';
