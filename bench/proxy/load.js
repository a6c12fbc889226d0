// The client: one measurement for each line on standard input, one line of JSON back. Times in milliseconds unless they say otherwise.
import { createInterface } from 'node:readline';
import { CHUNK, EPOLLIN, EPOLLOUT, EPOLLRDHUP, Loop, MESSAGE } from './sockets.js';

const HOST = process.argv[2];
const UPLOAD = 0x55;
const PING = 0x50;
const loop = new Loop();
const { streams, buffer } = loop;
const now = () => Number(process.hrtime.bigint()) / 1e6;

/** So many bytes by so many connections at once, to the end. */
function bulk({ port, connections, bytes }) {
  buffer.bytes.fill(UPLOAD);
  const begun = now();
  let open = connections;
  for (let number = 0; number < connections; number += 1) {
    const fd = loop.connect(HOST, port);
    let left = bytes;
    const step = (flags) => {
      if (left > 0) {
        if (flags & EPOLLOUT) {
          const sent = streams.send(fd, buffer, 0, Math.min(CHUNK, left));
          if (sent < 0 && sent !== -11) throw new Error(`send: ${sent}`);
          left -= Math.max(0, sent);
          if (left === 0) {
            streams.finish(fd);
            loop.change(fd, EPOLLIN);
          }
        }
        return;
      }
      const got = streams.receive(fd, buffer, 1);
      if (got === -11) return;
      if (got !== 1) throw new Error(`the upload was not taken: ${got}`);
      loop.close(fd);
      open -= 1;
    };
    loop.watch(fd, step, EPOLLOUT);
  }
  loop.run(() => open === 0);
  return { ms: now() - begun };
}

/** Small messages, one after the other on each of the connections. Microseconds there and back. */
function messages({ port, connections, ms }) {
  buffer.bytes.fill(PING);
  const times = [];
  const fds = [];
  let stopping = false;
  let waiting = connections;
  const begun = now();
  let until = begun + ms;
  for (let number = 0; number < connections; number += 1) {
    const fd = loop.connect(HOST, port);
    fds.push(fd);
    let sentAt = 0n;
    let got = 0;
    const ask = () => {
      got = 0;
      sentAt = process.hrtime.bigint();
      if (streams.send(fd, buffer, 0, MESSAGE) !== MESSAGE) throw new Error('a message was not taken');
    };
    let begins = true;
    loop.watch(
      fd,
      () => {
        if (begins) {
          begins = false;
          loop.change(fd, EPOLLIN | EPOLLRDHUP);
          ask();
          return;
        }
        const some = streams.receive(fd, buffer, MESSAGE - got);
        if (some === -11) return;
        if (some <= 0) throw new Error(`a connection ended: ${some}`);
        got += some;
        if (got < MESSAGE) return;
        times.push(Number(process.hrtime.bigint() - sentAt) / 1e3);
        if (now() < until) ask();
        else {
          waiting -= 1;
          stopping = waiting === 0;
        }
      },
      EPOLLOUT,
    );
  }
  loop.run(() => stopping);
  until = now();
  for (const fd of fds) loop.close(fd);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { count: times.length, ms: until - begun, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

/** A connection that says one byte; `answered` is called when it has come back. */
function greet(port, answered) {
  const fd = loop.connect(HOST, port);
  let asked = false;
  loop.watch(
    fd,
    () => {
      if (!asked) {
        asked = true;
        loop.change(fd, EPOLLIN | EPOLLRDHUP);
        streams.send(fd, buffer, 0, 1);
        return;
      }
      const got = streams.receive(fd, buffer, 1);
      if (got === -11) return;
      if (got !== 1) throw new Error(`a connection was not answered: ${got}`);
      answered(fd);
    },
    EPOLLOUT,
  );
}

/** Connections that are made, say one message, hear it and end. */
function churn({ port, connections, ms }) {
  buffer.bytes.fill(PING);
  const begun = now();
  const until = begun + ms;
  let done = 0;
  let open = 0;
  const start = () => {
    open += 1;
    greet(port, (fd) => {
      loop.close(fd);
      done += 1;
      open -= 1;
      if (now() < until) start();
    });
  };
  for (let number = 0; number < connections; number += 1) start();
  loop.run(() => open === 0);
  return { count: done, ms: now() - begun };
}

/** Opens so many connections, each with one message there and back, and keeps them until `release`. */
const kept = [];
function idle({ port, connections }) {
  buffer.bytes.fill(PING);
  let waiting = connections;
  let next = 0;
  const start = () => {
    if (next >= connections) return;
    next += 1;
    greet(port, (fd) => {
      kept.push(fd);
      loop.handlers.set(fd, () => {});
      waiting -= 1;
      start();
    });
  };
  for (let number = 0; number < 100; number += 1) start();
  loop.run(() => waiting === 0);
  return { open: kept.length };
}

function release() {
  for (const fd of kept.splice(0)) loop.close(fd);
  return {};
}

/** Tries once a millisecond until a message comes back. */
async function first({ port, within }) {
  const begun = now();
  while (now() - begun < within) {
    if (attempt(port)) return { ms: now() - begun };
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`nothing came back on ${port}`);
}

function attempt(port) {
  buffer.bytes.fill(PING);
  const fd = loop.connect(HOST, port);
  let result;
  let asked = false;
  loop.watch(
    fd,
    () => {
      if (!asked) {
        const error = streams.takeError(fd);
        asked = true;
        if (error !== 0 || streams.send(fd, buffer, 0, 1) !== 1) result = false;
        else loop.change(fd, EPOLLIN | EPOLLRDHUP);
        return;
      }
      result = streams.receive(fd, buffer, 1) === 1;
    },
    EPOLLOUT,
  );
  loop.run(() => result !== undefined);
  loop.close(fd);
  return result;
}

const MEASURES = { bulk, messages, churn, idle, release, first };

process.stdout.write('"ready"\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { what, ...order } = JSON.parse(line);
  const answer = await MEASURES[what](order);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
