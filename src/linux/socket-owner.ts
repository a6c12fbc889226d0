import { AF_INET, AF_INET6, type Endpoint, fromSockaddr, toSockaddr } from './socket-address.ts';
import { checked, openSocket, SystemCallFailed, socketCalls } from './socket-libc.ts';

/** Whose a socket is, as `-m owner` sees it. */
export interface Owner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** What setfsuid(2) takes to change nothing and say the present id. */
const ASK = 0xffff_ffff;

/**
 * Opens a TCP socket that belongs to somebody else, for a probe that speaks as the proxy's user. `-m owner` reads the
 * file system uid and gid of whoever made the socket; those two can be changed for this thread alone and back, with
 * CAP_SETUID and CAP_SETGID. Throws SystemCallFailed EPERM where they cannot, and where the user namespace does not know
 * the id. The socket blocks.
 */
export function openSocketAs(family: Endpoint['family'], { uid, gid }: Owner): number {
  const calls = socketCalls();
  const before = { uid: calls.setfsuid(ASK), gid: calls.setfsgid(ASK) };
  try {
    // The gid first: giving up uid 0 may give up the right to change it.
    become('setfsgid', calls.setfsgid, gid);
    become('setfsuid', calls.setfsuid, uid);
    return openSocket(family === 'ipv4' ? AF_INET : AF_INET6, true);
  } finally {
    calls.setfsuid(before.uid);
    calls.setfsgid(before.gid);
  }
}

/** These calls return the previous id and no error, so the change is checked by asking again. */
function become(call: string, set: (id: number) => number, id: number | undefined): void {
  if (id === undefined) return;
  set(id);
  if (set(ASK) !== id) throw new SystemCallFailed(call, 'EPERM');
}

/** Connects a blocking socket and waits at most `timeout` ms. Returns the local end. Throws SystemCallFailed. */
export function connectBlocking(fd: number, to: Endpoint, timeout: number): Endpoint {
  const calls = socketCalls();
  const SO_SNDTIMEO = 21;
  // struct timeval on 64-bit systems. Source: socket(7): SO_SNDTIMEO also bounds connect(2), which then gives EINPROGRESS.
  const timeval = new BigInt64Array([BigInt(Math.floor(timeout / 1000)), BigInt((timeout % 1000) * 1000)]);
  checked('setsockopt SO_SNDTIMEO', calls.setsockopt(fd, 1, SO_SNDTIMEO, new Uint8Array(timeval.buffer), 16));
  const address = toSockaddr(to);
  checked('connect', calls.connect(fd, address, address.length));
  const local = new Uint8Array(28);
  checked('getsockname', calls.getsockname(fd, local, new Uint8Array(Uint32Array.of(28).buffer)));
  return fromSockaddr(local);
}
