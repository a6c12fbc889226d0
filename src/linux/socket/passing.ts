import { endianness } from 'node:os';
import { checked, SOL_SOCKET, SystemCallFailed, setOption, socketCalls } from './calls.ts';

const AF_UNIX = 1;
/** SOCK_SEQPACKET | SOCK_CLOEXEC: messages stay apart, and whose other end is gone reads an end. */
const PACKETS = 0x8_0005;
const SCM_RIGHTS = 1;
/** MSG_NOSIGNAL; MSG_DONTWAIT; MSG_CMSG_CLOEXEC. */
const NO_SIGNAL = 0x4000;
const DO_NOT_WAIT = 0x40;
const CLOSE_ON_EXEC = 0x4000_0000;
/** The kernel's own limit of descriptors in one message. Source: unix(7), SCM_MAX_FD. */
const MOST = 253;
/** Of a 64-bit kernel: `struct cmsghdr` before its data, `struct msghdr`, `struct iovec`. */
const CMSG_HEADER = 16;
const MSGHDR = 56;
const IOVEC = 16;
const LITTLE = endianness() === 'LE';

/** What came in one message: its bytes, and the descriptors with it, which are now this process's to close. */
export interface Passed {
  readonly bytes: Buffer;
  readonly descriptors: readonly number[];
}

/** Two connected ends over which messages and descriptors go. Neither is inherited by a child unless it is given one. */
export function openChannel(): readonly [number, number] {
  const pair = new Uint8Array(8);
  checked('socketpair', socketCalls().socketpair(AF_UNIX, PACKETS, 0, pair));
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, LITTLE), view.getInt32(4, LITTLE)];
}

/**
 * Sends a message of at least one byte, and descriptors with it, which stay open here. Waits while the other end has not taken
 * as many messages as fit. Throws SystemCallFailed, EPIPE where nobody is at the other end. Source: unix(7), cmsg(3).
 */
export function sendDescriptors(channel: number, bytes: Uint8Array, descriptors: readonly number[]): void {
  if (descriptors.length > MOST)
    throw new RangeError(`${descriptors.length} descriptors in a message, ${MOST} at most`);
  const control = Buffer.alloc(CMSG_HEADER + 4 * descriptors.length);
  const view = viewOf(control);
  view.setBigUint64(0, BigInt(control.length), LITTLE);
  view.setInt32(8, SOL_SOCKET, LITTLE);
  view.setInt32(12, SCM_RIGHTS, LITTLE);
  for (const [at, fd] of descriptors.entries()) view.setInt32(CMSG_HEADER + 4 * at, fd, LITTLE);
  const data = Buffer.from(bytes);
  const header = messageOf(data, descriptors.length > 0 ? control : undefined);
  checked('sendmsg', socketCalls().sendmsg(channel, header, NO_SIGNAL));
}

/** Sends as many bytes as a socket has room for; returns how many. Throws SystemCallFailed, EAGAIN where it has none. Source: send(2). */
export function sendAtOnce(socket: number, bytes: Uint8Array): number {
  const data = Buffer.from(bytes);
  return checked('sendmsg', socketCalls().sendmsg(socket, messageOf(data), NO_SIGNAL | DO_NOT_WAIT));
}

/**
 * Waits for the next message; undefined when the other end is gone. A message longer than `size` is cut.
 * Throws SystemCallFailed.
 */
export function receiveDescriptors(channel: number, size = 1 << 16): Passed | undefined {
  const bytes = Buffer.alloc(size);
  const control = Buffer.alloc(CMSG_HEADER + 4 * MOST);
  const header = messageOf(bytes, control);
  const length = checked('recvmsg', socketCalls().recvmsg(channel, header, CLOSE_ON_EXEC));
  const view = viewOf(control);
  const carried = Number(viewOf(header).getBigUint64(40, LITTLE)) >= CMSG_HEADER;
  const end = carried ? Number(view.getBigUint64(0, LITTLE)) : 0;
  const descriptors: number[] = [];
  for (let at = CMSG_HEADER; at + 4 <= end; at += 4) descriptors.push(view.getInt32(at, LITTLE));
  return length === 0 && descriptors.length === 0 ? undefined : { bytes: bytes.subarray(0, length), descriptors };
}

/** SO_RCVTIMEO, with a `struct timeval` of a 64-bit kernel. Source: socket(7). */
const SO_RCVTIMEO = 20;

/** From now on nobody waits longer for a message of a channel: EAGAIN. Seconds. Throws SystemCallFailed. */
export function limitWaiting(channel: number, seconds: number): void {
  const time = Buffer.alloc(16);
  viewOf(time).setBigInt64(0, BigInt(seconds), LITTLE);
  checked('setsockopt SO_RCVTIMEO', socketCalls().setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, time, time.length));
}

const SO_SNDBUF = 7;
/** What the kernel counts for a message of one byte, and the part of a buffer at which a socket is no longer called writable. */
const MESSAGE = 768;
const WRITABLE = 4;

/**
 * From now on about so many messages wait in a channel until it is not called writable. Those that carry descriptors count towards
 * what one user may have under way in all (RLIMIT_NOFILE): past it, nothing can be sent. Throws SystemCallFailed.
 */
export function limitQueue(channel: number, messages: number): void {
  // The kernel doubles what it is given. Source: socket(7), SO_SNDBUF.
  setOption(channel, SOL_SOCKET, SO_SNDBUF, (messages * MESSAGE * WRITABLE) / 2, 'setsockopt SO_SNDBUF');
}

/** Sockets that another process makes, in its own network namespace, and sends one by one: a channel for each family. */
export interface SocketSource {
  readonly ipv4: number;
  /** Undefined where that namespace has no IPv6. */
  readonly ipv6: number | undefined;
}

/**
 * A socket from a source. The channel's queue holds some that are made already; who finds it empty waits for the next one.
 * Throws SystemCallFailed, EPIPE where the source has ended, EMFILE where this process has too many open files.
 */
export function takeSocket(source: SocketSource, family: 'ipv4' | 'ipv6'): number {
  const channel = source[family];
  if (channel === undefined) throw new SystemCallFailed('socket', 'EAFNOSUPPORT');
  const passed = receiveDescriptors(channel, 1);
  const [fd] = passed?.descriptors ?? [];
  // The kernel leaves descriptors out of a message where this process may have no more.
  if (fd === undefined) throw new SystemCallFailed('socket', passed ? 'EMFILE' : 'EPIPE');
  return fd;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A `struct msghdr` and behind it the one `struct iovec` that it points at. `bytes` and `control` must live as long. */
function messageOf(bytes: Buffer, control?: Buffer): Buffer {
  const { address } = socketCalls();
  const header = Buffer.alloc(MSGHDR + IOVEC);
  const view = viewOf(header);
  view.setBigUint64(16, address(header) + BigInt(MSGHDR), LITTLE);
  view.setBigUint64(24, 1n, LITTLE);
  if (control) {
    view.setBigUint64(32, address(control), LITTLE);
    view.setBigUint64(40, BigInt(control.length), LITTLE);
  }
  view.setBigUint64(MSGHDR, address(bytes), LITTLE);
  view.setBigUint64(MSGHDR + 8, BigInt(bytes.length), LITTLE);
  return header;
}
