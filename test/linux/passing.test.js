import { readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { closeDescriptor, limitWaiting, openChannel, openListeners, receiveDescriptors, SystemCallFailed, sendDescriptors, takeSocket, } from '../../src/linux/socket/index.ts';
const socketOf = (fd) => readlinkSync(`/proc/self/fd/${fd}`);
test('a message and the descriptors with it arrive together, and apart from the next', () => {
    const [near, far] = openChannel();
    const { descriptors } = openListeners({ family: 'ipv4', address: '127.0.0.1', port: 0 }, false, 2, 8, () => { });
    sendDescriptors(near, Buffer.from('two'), descriptors);
    sendDescriptors(near, Buffer.from('none'), []);
    const first = receiveDescriptors(far);
    expect(first?.bytes.toString()).toBe('two');
    expect(first?.descriptors.map(socketOf)).toEqual(descriptors.map(socketOf));
    expect(receiveDescriptors(far)).toEqual({ bytes: Buffer.from('none'), descriptors: [] });
    for (const fd of [...descriptors, ...(first?.descriptors ?? []), near, far])
        closeDescriptor(fd);
});
test('what was sent is there when the sender is gone, and then the end', () => {
    const [near, far] = openChannel();
    sendDescriptors(near, Buffer.from('last'), []);
    closeDescriptor(near);
    expect(receiveDescriptors(far)?.bytes.toString()).toBe('last');
    expect(receiveDescriptors(far)).toBeUndefined();
    expect(() => sendDescriptors(far, Buffer.from('?'), [])).toThrow(SystemCallFailed);
    closeDescriptor(far);
});
test('a source gives the family that is asked for, and says when it has none', () => {
    const [near, far] = openChannel();
    const { descriptors } = openListeners({ family: 'ipv4', address: '127.0.0.1', port: 0 }, false, 1, 8, () => { });
    sendDescriptors(near, Buffer.of(0), descriptors);
    closeDescriptor(near);
    const source = { ipv4: far, ipv6: undefined };
    const fd = takeSocket(source, 'ipv4');
    expect(socketOf(fd)).toBe(socketOf(descriptors[0]));
    expect(() => takeSocket(source, 'ipv4')).toThrow('EPIPE');
    expect(() => takeSocket(source, 'ipv6')).toThrow('EAFNOSUPPORT');
    for (const open of [fd, far, ...descriptors])
        closeDescriptor(open);
});
test('nobody waits longer for a message than the limit', () => {
    const [near, far] = openChannel();
    limitWaiting(far, 1);
    const start = performance.now();
    expect(() => receiveDescriptors(far)).toThrow('EAGAIN');
    expect(performance.now() - start).toBeGreaterThan(900);
    for (const fd of [near, far])
        closeDescriptor(fd);
});
