import { AF_INET, AF_INET6, type Endpoint, fromSockaddr, toSockaddr } from '../socket/address.ts';
import { SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, STREAM } from '../socket/calls.ts';
import { SO_MARK } from '../socket/mark.ts';
import { SO_ORIGINAL_DST, withZone } from '../socket/original-destination.ts';
import { SO_ERROR, SO_LINGER } from '../socket/reset.ts';
import { IP_TRANSPARENT, IPV6_TRANSPARENT } from '../socket/transparent.ts';
import { accepted, EINPROGRESS, loopCalls } from './calls.ts';
import { Ipv4Texts } from './ipv4-texts.ts';
import { Memory } from './memory.ts';

/** SOCK_NONBLOCK | SOCK_CLOEXEC. */
const NONBLOCK = 0x8_0800;
/** MSG_DONTWAIT | MSG_NOSIGNAL. */
const AT_ONCE = 0x4040;
/** SPLICE_F_MOVE | SPLICE_F_NONBLOCK. */
const SPLICE = 3;
const SHUT_WR = 1;
const IP_BIND_ADDRESS_NO_PORT = 24;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const SO_KEEPALIVE = 9;
const SOCKADDR = 28;
/** Of a `struct sockaddr_in`. */
const IPV4 = 16;

/** IPv4 on a dual-stack socket. */
const isMapped = (bytes: Buffer): boolean =>
  bytes.readUInt32BE(16) === 0xffff && bytes.readUInt32BE(12) === 0 && bytes.readUInt32BE(8) === 0;

/** How a connection leaves: to whom, and with which options. */
export interface Leaving {
  readonly to: Endpoint;
  /** The address to leave from; the kernel's choice when undefined. */
  readonly from?: string | undefined;
  /** `from` is not this host's own (IP_TRANSPARENT). */
  readonly foreign?: boolean | undefined;
  /** SO_MARK; 0 for none. */
  readonly mark: number;
  /** A socket made elsewhere, marked already, which the call takes over. */
  readonly socket?: number | undefined;
  /** Whole seconds of silence until the kernel asks the peer; 0 never. */
  readonly keepAlive: number;
}

/** The calls on connected sockets, for one thread. Descriptors are plain numbers; errors are minus errno where not said otherwise. */
export class Streams {
  readonly #calls = loopCalls();
  readonly #address = new Memory(SOCKADDR);
  /** The first is the family. */
  readonly #words = new Uint16Array(this.#address.bytes.buffer, this.#address.bytes.byteOffset, 1);
  readonly #texts = new Ipv4Texts();
  readonly #size = new Memory(4);
  readonly #sizeOf = new Uint32Array(this.#size.bytes.buffer);
  readonly #value = new Memory(8);
  readonly #valueOf = new Int32Array(this.#value.bytes.buffer);

  /** The next connection's descriptor; `peer` then says whose it is. */
  accept(listener: number): number {
    this.#sizeOf[0] = SOCKADDR;
    return this.#calls.accept4(listener, this.#address.address, this.#size.address, NONBLOCK);
  }

  /** Who made the connection that was accepted last. */
  peer(): Endpoint {
    return this.#end();
  }

  /** The socket's own end. Throws SystemCallFailed. */
  local(fd: number): Endpoint {
    this.#sizeOf[0] = SOCKADDR;
    accepted('getsockname', this.#calls.getsockname(fd, this.#address.address, this.#size.address));
    return this.#end();
  }

  /** Where an accepted connection was going, as `originalDestination` says it; undefined too where the kernel gives an error. */
  original(fd: number, family: Endpoint['family']): Endpoint | undefined {
    this.#sizeOf[0] = SOCKADDR;
    const level = family === 'ipv4' ? SOL_IP : SOL_IPV6;
    const { address } = this.#address;
    const result = this.#calls.getsockopt(fd, level, SO_ORIGINAL_DST, address, this.#size.address);
    return result < 0 ? undefined : this.#end();
  }

  /** Starts a connection. Its descriptor; it is connected, or has failed, when it becomes writable. Throws SystemCallFailed. */
  connect({ to, from, foreign, mark, socket, keepAlive }: Leaving): number {
    const fd = socket ?? accepted('socket', this.#calls.socket(to.family === 'ipv4' ? AF_INET : AF_INET6, STREAM, 0));
    try {
      const [level, transparent] = to.family === 'ipv4' ? [SOL_IP, IP_TRANSPARENT] : [SOL_IPV6, IPV6_TRANSPARENT];
      if (foreign) this.#set(fd, level, transparent, 1, 'IP_TRANSPARENT');
      if (mark > 0 && socket === undefined) this.#set(fd, SOL_SOCKET, SO_MARK, mark | 0, 'SO_MARK');
      this.prepare(fd, keepAlive);
      if (from !== undefined) this.#bind(fd, { ...to, address: from, port: 0 }, foreign === true);
      const result = this.#calls.connect(fd, this.#address.address, this.#place(to));
      if (result !== -EINPROGRESS) accepted('connect', result);
      return fd;
    } catch (error) {
      this.#calls.close(fd);
      throw error;
    }
  }

  #bind(fd: number, at: Endpoint, foreign: boolean): void {
    // Where a client has the address, its own ports are kept clear of: see `bindApart`.
    if (foreign && this.#calls.bind(fd, this.#address.address, this.#place(at)) >= 0) return;
    // Otherwise bind would take a port of its own for each connection, of which there are 28,000 for all destinations.
    this.#set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1, 'IP_BIND_ADDRESS_NO_PORT');
    accepted('bind', this.#calls.bind(fd, this.#address.address, this.#place(at)));
  }

  /** Bytes that have come, 0 for the end. */
  receive(fd: number, { address }: Memory, size: number): number {
    return this.#calls.recv(fd, address, size, AT_ONCE);
  }

  /** How many bytes the kernel took. */
  send(fd: number, { address }: Memory, start: number, end: number): number {
    return this.#calls.send(fd, address + start, end - start, AT_ONCE);
  }

  /** Moves bytes within the kernel, where one of the two is a pipe. */
  splice(from: number, to: number, size: number): number {
    return this.#calls.splice(from, 0, to, 0, size, SPLICE);
  }

  /** Sends a FIN. */
  finish(fd: number): void {
    this.#calls.shutdown(fd, SHUT_WR);
  }

  close(fd: number): void {
    this.#calls.close(fd);
  }

  /** Closes with a RST, whatever state the socket is in. */
  reset(fd: number): void {
    this.#valueOf[0] = 1;
    this.#valueOf[1] = 0;
    this.#calls.setsockopt(fd, SOL_SOCKET, SO_LINGER, this.#value.address, 8);
    this.#calls.close(fd);
  }

  /** Takes the error that waits at a socket: errno, or 0. */
  takeError(fd: number): number {
    this.#sizeOf[0] = 4;
    const result = this.#calls.getsockopt(fd, SOL_SOCKET, SO_ERROR, this.#value.address, this.#size.address);
    return result < 0 ? -result : this.#valueOf[0]!;
  }

  /**
   * Small messages leave at once, and the kernel asks a peer that has been silent for `keepAlive` seconds whether it is there (0:
   * never). What a listening socket has, accepted ones inherit. Throws SystemCallFailed. Source: tcp(7), TCP_NODELAY, TCP_KEEPIDLE.
   */
  prepare(fd: number, keepAlive: number): void {
    this.#set(fd, SOL_TCP, TCP_NODELAY, 1, 'TCP_NODELAY');
    if (keepAlive === 0) return;
    this.#set(fd, SOL_SOCKET, SO_KEEPALIVE, 1, 'SO_KEEPALIVE');
    this.#set(fd, SOL_TCP, TCP_KEEPIDLE, keepAlive, 'TCP_KEEPIDLE');
  }

  #set(fd: number, level: number, option: number, value: number, name: string): void {
    this.#valueOf[0] = value;
    accepted(`setsockopt ${name}`, this.#calls.setsockopt(fd, level, option, this.#value.address, 4));
  }

  #place(at: Endpoint): number {
    const value = at.family === 'ipv4' ? this.#texts.value(at.address) : undefined;
    const { bytes } = this.#address;
    if (value === undefined) {
      const written = toSockaddr(at);
      bytes.set(written);
      return written.length;
    }
    bytes.fill(0, 8, IPV4);
    this.#words[0] = AF_INET;
    bytes.writeUInt16BE(at.port, 2);
    bytes.writeUInt32BE(value, 4);
    return IPV4;
  }

  #end(): Endpoint {
    const { bytes } = this.#address;
    const at = this.#words[0] === AF_INET ? 4 : isMapped(bytes) ? 20 : -1;
    if (at > 0)
      return { family: 'ipv4', address: this.#texts.text(bytes.readUInt32BE(at)), port: bytes.readUInt16BE(2) };
    const endpoint = fromSockaddr(bytes);
    return endpoint.family === 'ipv6' ? withZone(endpoint, bytes) : endpoint;
  }
}
