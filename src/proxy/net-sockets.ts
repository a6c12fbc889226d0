import type { Socket } from 'node:net';
import {
  connectFrom,
  type Departure,
  descriptorOf,
  type Endpoint,
  endpointOf,
  originalDestination,
  resetOnClose,
  takeReset,
} from '../linux/socket/index.ts';

/** What the engine on Node's sockets asks of the kernel beside them. Tests put a double in its place. */
export interface KernelSockets {
  /** SO_ORIGINAL_DST of an accepted connection. */
  originalDestination(socket: Socket, family: Endpoint['family']): Endpoint | undefined;
  connect(departure: Departure): Socket;
  /** Closes with a RST, whatever state the socket is in. */
  reset(socket: Socket): void;
  /** What a RST of the peer says that no read or write has told of yet: errno's name. */
  takeReset(socket: Socket): string | undefined;
}

/** The kernel itself. */
export const kernelSockets: KernelSockets = {
  originalDestination(socket, family) {
    const fd = descriptorOf(socket);
    return fd === undefined ? undefined : originalDestination(fd, family);
  },
  connect: connectFrom,
  reset(socket) {
    const fd = descriptorOf(socket);
    if (fd !== undefined) {
      try {
        resetOnClose(fd);
      } catch {
        // It is closed all the same; the peer then sees a FIN.
      }
    }
    socket.destroy();
  },
  takeReset(socket) {
    const fd = descriptorOf(socket);
    return fd === undefined ? undefined : takeReset(fd);
  },
};

/** The two ends of a connected socket; undefined once it is closed. */
export function localEnd(socket: Socket): Endpoint | undefined {
  const { localAddress, localPort } = socket;
  return localAddress === undefined || localPort === undefined ? undefined : endpointOf(localAddress, localPort);
}

export function remoteEnd(socket: Socket): Endpoint | undefined {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined ? undefined : endpointOf(remoteAddress, remotePort);
}
