import { endianness } from 'node:os';
import { checked, closeDescriptor, readOption, SOL_SOCKET, SystemCallFailed, socketCalls } from './calls.ts';

const AF_UNIX = 1;
/** SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC. */
const STREAM = 0x8_0801;
const SO_PEERCRED = 17;
const LITTLE = endianness() === 'LE';

/** Who is at the other end of a unix socket, as the kernel says: as it was when it connected, or began to listen. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
}

/**
 * Listens on a unix socket that has a name and no file: it is this network namespace's, and gone with its last descriptor. Give it to
 * `server.listen({ fd })`. Throws SystemCallFailed, EADDRINUSE where somebody has the name. Source: unix(7), abstract.
 */
export function listenAbstract(name: string): number {
  const fd = checked('socket', socketCalls().socket(AF_UNIX, STREAM, 0));
  try {
    const address = addressOf(name);
    checked('bind', socketCalls().bind(fd, address, address.length));
    checked('listen', socketCalls().listen(fd, 8));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Connects to such a socket; undefined where nobody listens on it. Throws SystemCallFailed. */
export function connectAbstract(name: string): number | undefined {
  const fd = checked('socket', socketCalls().socket(AF_UNIX, STREAM, 0));
  try {
    const address = addressOf(name);
    checked('connect', socketCalls().connect(fd, address, address.length));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    if (error instanceof SystemCallFailed && error.code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

/** Who is at the other end. Throws SystemCallFailed. Source: unix(7), SO_PEERCRED. */
export function credentialsOf(fd: number): Credentials {
  const value = new Uint8Array(12);
  readOption(fd, SOL_SOCKET, SO_PEERCRED, value, 'getsockopt SO_PEERCRED');
  const view = new DataView(value.buffer);
  return { pid: view.getInt32(0, LITTLE), uid: view.getUint32(4, LITTLE) };
}

function addressOf(name: string): Uint8Array {
  const address = Buffer.alloc(3 + name.length);
  if (LITTLE) address.writeUInt16LE(AF_UNIX);
  else address.writeUInt16BE(AF_UNIX);
  address.write(name, 3, 'latin1');
  return address;
}
