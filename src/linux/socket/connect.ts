import { Socket, type SocketConstructorOpts } from 'node:net';
import type { Family } from '../../address/index.ts';
import { AF_INET, AF_INET6, type Endpoint, endpointOf, toSockaddr } from './address.ts';
import { closeDescriptor, openSocket, SOL_IP, setOption, socketCalls } from './calls.ts';
import { setMark } from './mark.ts';
import { type Owner, openSocketAs } from './owner.ts';
import { makeTransparent } from './transparent.ts';

/** How a connection leaves this host. */
export interface Departure {
  readonly to: Endpoint;
  /** The address it leaves from; the kernel's choice when undefined. */
  readonly from?: string | undefined;
  /** `from` is not this host's own (IP_TRANSPARENT). */
  readonly foreign?: boolean | undefined;
  /** SO_MARK; 0 for none. */
  readonly mark?: number | undefined;
  /** Whose the socket is to be, instead of this process's user. */
  readonly owner?: Owner | undefined;
  /** A socket made elsewhere, marked already, which this call takes over. */
  readonly socket?: number | undefined;
}

const IP_BIND_ADDRESS_NO_PORT = 24;

/**
 * Starts a connection with options that Node cannot set. The socket reports `connect` or `error` as one of Node's own;
 * it reads nothing before it is connected, and stays open for the other direction after the peer's FIN.
 * Throws SystemCallFailed where an option is refused.
 */
export function connectFrom({ to, from, foreign, mark, owner, socket }: Departure): Socket {
  const family = to.family === 'ipv4' ? AF_INET : AF_INET6;
  const fd = socket ?? (owner ? openSocketAs(family, owner) : openSocket(family));
  let bound = false;
  try {
    prepare(fd, to.family, { foreign, mark: socket === undefined ? mark : 0 });
    bound = foreign === true && from !== undefined && bindApart(fd, from);
    // Otherwise bind would take a port of its own for each connection, of which there are 28,000 for all destinations.
    if (from !== undefined && !bound)
      setOption(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1, 'setsockopt IP_BIND_ADDRESS_NO_PORT');
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  // `manualStart` (undocumented) keeps Node from reading a socket that is not connected yet.
  const options: SocketConstructorOpts & { manualStart: true } = { fd, allowHalfOpen: true, manualStart: true };
  return new Socket(options).connect({
    host: to.address,
    port: to.port,
    noDelay: true,
    ...(from === undefined || bound ? {} : { localAddress: from }),
  });
}

/**
 * Binds a socket to a client's address and a port that hardly any connection of the client's own has: to the destination, both would
 * be one connection, and the packets of the newer reset the older. bind(2) chooses odd ports first, connect(2) even ones. False where the
 * address has no port left. Source: the kernel's net/ipv4/inet_connection_sock.c and inet_hashtables.c.
 */
function bindApart(fd: number, from: string): boolean {
  const address = toSockaddr(endpointOf(from, 0));
  return socketCalls().bind(fd, address, address.length) === 0;
}

function prepare(fd: number, family: Family, { foreign, mark }: Pick<Departure, 'foreign' | 'mark'>): void {
  if (foreign) makeTransparent(fd, family);
  if (mark) setMark(fd, mark);
}

/** Tries what `connectFrom` would need, without connecting: throws SystemCallFailed where it is not permitted. */
export function tryDeparture(options: { readonly foreign?: boolean; readonly mark?: number }): void {
  const fd = openSocket(AF_INET);
  try {
    prepare(fd, 'ipv4', options);
  } finally {
    closeDescriptor(fd);
  }
}
