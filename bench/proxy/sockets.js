// What load and backend are made of: the same calls that the proxy makes, in loops that do nothing else, so that their own cost is small.
import net from 'node:net';
import { EPOLLIN, EPOLLOUT, EPOLLRDHUP, Memory, Poll, Streams } from '../../dist/linux/epoll/index.js';
import { descriptorOf } from '../../dist/linux/socket/index.js';

export { EPOLLIN, EPOLLOUT, EPOLLRDHUP };

/** Bytes moved at a time in bulk. */
export const CHUNK = 256 * 1024;
/** A small message, there and back. */
export const MESSAGE = 64;

const LEVEL = EPOLLIN | EPOLLRDHUP;

/** An event loop over plain descriptors: `handlers` by descriptor, each called with what happened. */
export class Loop {
  streams = new Streams();
  buffer = new Memory(CHUNK);
  handlers = new Map();
  #poll = new Poll(256);

  /** Level-triggered. */
  watch(fd, handler, events = LEVEL) {
    this.handlers.set(fd, handler);
    this.#poll.add(fd, events, fd);
  }

  change(fd, events) {
    this.#poll.change(fd, events, fd);
  }

  close(fd) {
    this.handlers.delete(fd);
    this.streams.close(fd);
  }

  /** Runs until `done` says so. */
  run(done) {
    while (!done()) {
      const count = this.#poll.wait(1000);
      for (let at = 0; at < count; at += 1) this.handlers.get(this.#poll.tag(at))?.(this.#poll.flags(at));
    }
  }

  connect(address, port) {
    return this.streams.connect({ to: { family: 'ipv4', address, port }, mark: 0, keepAlive: 0 });
  }
}

/** The descriptor of a socket that listens; the server keeps it open. */
export function listening(port) {
  const server = net.createServer();
  return new Promise((resolve, reject) => {
    server
      .on('error', reject)
      .listen({ port, host: '0.0.0.0', backlog: 4096 }, () => resolve({ fd: descriptorOf(server), server }));
  });
}
