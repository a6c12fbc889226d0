import { getSystemErrorName } from 'node:util';
import { checked, readOption, SOL_SOCKET, SOL_TCP, socketCalls } from './calls.ts';

export const SO_ERROR = 4;
export const SO_LINGER = 13;
const TCP_INFO = 11;
const TCP_CLOSE = 7;

/**
 * Makes the close of a connection a RST instead of a FIN: SO_LINGER with a time of 0. Source: socket(7), tcp(7).
 * Node's own `resetAndDestroy` fails with EINVAL while a shutdown is under way, and leaks the handle.
 */
export function resetOnClose(fd: number): void {
  const linger = new Uint8Array(Int32Array.of(1, 0).buffer);
  checked('setsockopt SO_LINGER', socketCalls().setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, linger.length));
}

/**
 * The error of a connection whose peer has reset it (`ECONNRESET`, `EPIPE`) or is gone (`ETIMEDOUT`), where no read or write
 * has told of it yet: nobody reads the socket, or libuv made an end of it, which it does when bytes and a RST come
 * together. Undefined while the connection lives and after an ordinary end. Takes the error away from later reads.
 */
export function takeReset(fd: number): string | undefined {
  const info = new Uint8Array(1);
  readOption(fd, SOL_TCP, TCP_INFO, info, 'getsockopt TCP_INFO');
  // Both sides' FINs lead to TCP_CLOSE too, and a soft error (ICMP) is no end: only the two together are a RST.
  if (info[0] !== TCP_CLOSE) return undefined;
  const error = new Int32Array(1);
  readOption(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(error.buffer), 'getsockopt SO_ERROR');
  return error[0] ? getSystemErrorName(-error[0]) : undefined;
}
