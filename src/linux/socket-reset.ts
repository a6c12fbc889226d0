import { checked, readOption, SOL_SOCKET, SOL_TCP, socketCalls } from './socket-libc.ts';

const SO_LINGER = 13;
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
 * Whether a connection is dead although nobody has read that from it: the peer's RST has come (tcpi_state is TCP_CLOSE).
 * A socket that is not being read tells nothing by itself. Source: tcp(7), TCP_INFO.
 */
export function isReset(fd: number): boolean {
  const info = new Uint8Array(1);
  return readOption(fd, SOL_TCP, TCP_INFO, info, 'getsockopt TCP_INFO') && info[0] === TCP_CLOSE;
}
