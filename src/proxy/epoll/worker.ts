// A thread that moves bytes. It does not return to Node's own loop until it is told to end: messages are announced by `wake`.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Pipes, Streams } from '../../linux/epoll/index.ts';
import { ownAddressesFor } from '../own-addresses.ts';
import { Buffers } from './buffers.ts';
import { Listener } from './listener.ts';
import { Loop, listenForWake } from './loop.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { OpenedTable } from './opened-table.ts';
import { RecordBatch } from './record-batch.ts';
import { Reserve } from './reserve.ts';
import type { Tools } from './tools.ts';

const PIPE = 1 << 20;

const { worker, settings, wake, shared, pipes, original } = workerData as WorkerStart;
const port = parentPort!;
const tell = (message: FromWorker): void => port.postMessage(message);

const loop = new Loop();
const streams = new Streams();
const reserve = new Reserve(streams);
const records = new RecordBatch((id, rows) => tell({ kind: 'records', id, rows }));
/** By their numbers; one that was taken over may have several sockets. */
const listeners = new Map<number, Listener[]>();
const ports: number[] = [];
const opened = new OpenedTable(shared.tables, shared.connecting, worker);

const tools: Tools = {
  loop,
  streams,
  pipes: new Pipes(pipes, PIPE),
  buffers: new Buffers(),
  settings,
  host: { isOwn: ownAddressesFor(settings), opened: (from, to) => opened.find(from, to), ports },
  opened,
  original(fd, { family }) {
    if (original === undefined) return streams.original(fd, family);
    return original === 'none' ? undefined : original;
  },
  ended: (id, record) => records.add(id, record, loop.now),
  trouble: (id, what) => tell({ kind: 'trouble', id, what }),
};

function obey(message: ToWorker): void {
  switch (message.kind) {
    case 'listen': {
      if (!message.options.to) ports.push(message.options.port);
      const one = new Listener(message.id, message.fd, message.options, tools, shared.counts, reserve);
      listeners.set(message.id, [...(listeners.get(message.id) ?? []), one]);
      return;
    }
    case 'stop':
      for (const listener of listeners.get(message.id) ?? []) listener.stop();
      // What has ended before is told before.
      records.flush();
      tell({ kind: 'stopped', id: message.id });
      return;
    case 'reset':
      for (const listener of listeners.get(message.id) ?? []) listener.resetAll(message.reason);
      return;
    case 'list': {
      const { id, question } = message;
      tell({ kind: 'listed', id, question, records: (listeners.get(id) ?? []).flatMap((each) => each.list()) });
      return;
    }
    case 'end':
      loop.end();
  }
}

listenForWake(loop, wake, () => {
  if (Atomics.load(shared.quit, 0) !== 0) loop.end();
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) obey(got.message as ToWorker);
});
loop.beforeWait = () => records.due(loop.now);
tell({ kind: 'ready' });
loop.run();
records.flush();
tools.pipes.closeAll();
reserve.close();
