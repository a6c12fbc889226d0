import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { EPOLLIN, EPOLLOUT, EPOLLRDHUP, Memory, openWake, Pipes, Poll, STREAM_EVENTS, Streams, takeWake, wake, whyNoEpoll, } from '../../src/linux/epoll/index.ts';
import { closeDescriptor, openListeners } from '../../src/linux/socket/index.ts';
test('it works here', () => {
    expect(whyNoEpoll()).toBeUndefined();
});
test('a descriptor that was woken is told of once, until it is woken again', () => {
    const poll = new Poll(4);
    const fd = openWake();
    poll.add(fd, EPOLLIN, 0x1234_5678);
    expect(poll.wait(0)).toBe(0);
    wake(fd);
    wake(fd);
    expect([poll.wait(0), poll.tag(0), poll.flags(0)]).toEqual([1, 0x1234_5678, EPOLLIN]);
    takeWake(fd);
    expect(poll.wait(0)).toBe(0);
    closeDescriptor(fd);
    poll.close();
});
test('bytes go from a socket through a pipe to another, and back', async () => {
    const streams = new Streams();
    const server = createServer((socket) => socket.end('from afar'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    const to = { family: 'ipv4', address: '127.0.0.1', port };
    const poll = new Poll(4);
    const fd = streams.connect({ to, mark: 0, keepAlive: 0 });
    expect(streams.local(fd).address).toBe('127.0.0.1');
    poll.add(fd, STREAM_EVENTS, 7);
    let flags = 0;
    for (let tries = 0; tries < 100 && (flags & EPOLLRDHUP) === 0; tries += 1) {
        if (poll.wait(0) > 0)
            flags |= poll.flags(0);
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(flags & (EPOLLIN | EPOLLOUT | EPOLLRDHUP)).toBe(EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    const pipes = new Pipes(1, 1 << 16);
    const pipe = pipes.take();
    expect(pipes.take()).toBeUndefined();
    expect(streams.splice(fd, pipe.write, 1 << 16)).toBe(9);
    expect(streams.splice(fd, pipe.write, 1 << 16)).toBe(0);
    pipe.held = 9;
    // One that holds bytes of one connection is not given to another.
    pipes.give(pipe);
    const fresh = pipes.take();
    expect(fresh).toMatchObject({ held: 0 });
    pipes.give(fresh);
    expect(pipes.take()).toBe(fresh);
    pipes.give(fresh);
    pipes.closeAll();
    expect(streams.receive(fd, new Memory(16), 16)).toBe(0);
    streams.close(fd);
    poll.close();
    server.close();
});
test('several listeners share a port with each other, and with nobody else', () => {
    const at = { family: 'ipv4', address: '127.0.0.1', port: 0 };
    const { descriptors, port } = openListeners(at, false, 3, 16, () => { });
    expect(descriptors).toHaveLength(3);
    expect(() => openListeners({ ...at, port }, false, 3, 16, () => { })).toThrow('bind: EADDRINUSE');
    for (const fd of descriptors)
        closeDescriptor(fd);
    for (const fd of openListeners({ ...at, port }, false, 1, 16, () => { }).descriptors)
        closeDescriptor(fd);
});
