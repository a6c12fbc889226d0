import { getSystemErrorName } from 'node:util';
import { MissingPackage } from '../refusal.ts';
import { requireKoffi } from './installed.ts';

/** A system call that the kernel refused. `code` is errno's name: `EPERM`, `EADDRINUSE`. */
export class SystemCallFailed extends Error {
  readonly call: string;
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.name = 'SystemCallFailed';
    this.call = call;
    this.code = code;
  }
}

/** Those of the C library's calls that Node has no way to make. Numbers are file descriptors or -1. */
interface SocketCalls {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  close(fd: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  setfsuid(uid: number): number;
  setfsgid(gid: number): number;
  socketpair(family: number, type: number, protocol: number, pair: Uint8Array): number;
  sendmsg(fd: number, message: Uint8Array, flags: number): number;
  recvmsg(fd: number, message: Uint8Array, flags: number): number;
  setns(fd: number, kind: number): number;
  ioctl(fd: number, request: number, about: Uint8Array): number;
  poll(entries: Uint8Array, count: number, timeout: number): number;
  errno(): number;
  /** Where the bytes of a buffer lie, for structures that hold addresses. */
  address(buffer: Uint8Array): bigint;
}

let bound: SocketCalls | undefined;

/** The calls, bound on first use: whoever never asks for them never loads koffi. */
export function socketCalls(): SocketCalls {
  if (bound) return bound;
  const koffi = loadKoffi();
  // The process's own symbols: whichever C library Node was linked with.
  const libc = koffi.load(null);
  const call = (prototype: string) => libc.func(prototype) as (...args: unknown[]) => number;
  bound = {
    socket: call('int socket(int, int, int)'),
    bind: call('int bind(int, const void *, uint32_t)'),
    listen: call('int listen(int, int)'),
    connect: call('int connect(int, const void *, uint32_t)'),
    getsockname: call('int getsockname(int, _Out_ void *, _Inout_ void *)'),
    close: call('int close(int)'),
    getsockopt: call('int getsockopt(int, int, int, _Out_ void *, _Inout_ void *)'),
    setsockopt: call('int setsockopt(int, int, int, const void *, uint32_t)'),
    setfsuid: call('int setfsuid(uint32_t)'),
    setfsgid: call('int setfsgid(uint32_t)'),
    socketpair: call('int socketpair(int, int, int, _Out_ void *)'),
    sendmsg: call('intptr_t sendmsg(int, const void *, int)'),
    recvmsg: call('intptr_t recvmsg(int, _Inout_ void *, int)'),
    setns: call('int setns(int, int)'),
    ioctl: call('int ioctl(int, unsigned long, _Inout_ void *)'),
    poll: call('int poll(_Inout_ void *, unsigned long, int)'),
    errno: () => koffi.errno(),
    address: (buffer) => BigInt(koffi.address(buffer)),
  };
  return bound;
}

/** koffi, or MissingPackage. */
export function loadKoffi(): typeof import('koffi') {
  try {
    return requireKoffi();
  } catch (error) {
    const why = (error as Error).message.split('\n', 1)[0];
    throw new MissingPackage(
      `system calls need the package koffi, which cannot be loaded: ${why}`,
      'npm install koffi',
    );
  }
}

/** Passes on what a call returned, or throws what errno says. To be called with the call itself, at once after it. */
export function checked(call: string, returned: number): number {
  if (returned >= 0) return returned;
  throw new SystemCallFailed(call, getSystemErrorName(-socketCalls().errno()));
}

/** Sets an option whose value is one int. Source: setsockopt(2). */
export function setOption(fd: number, level: number, option: number, value: number, call: string): void {
  checked(call, socketCalls().setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4));
}

/** Reads an option into `value`; false where the kernel has none (ENOENT). */
export function readOption(fd: number, level: number, option: number, value: Uint8Array, call: string): boolean {
  const length = new Uint8Array(Uint32Array.of(value.length).buffer);
  try {
    checked(call, socketCalls().getsockopt(fd, level, option, value, length));
    return true;
  } catch (error) {
    if (error instanceof SystemCallFailed && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Levels and types. The same numbers on x86_64 and arm64. */
export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SOL_TCP = 6;
export const SOL_IPV6 = 41;
/** SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC. */
export const STREAM = 0x8_0801;

/** A TCP socket that blocks nobody and is not inherited. */
export const openSocket = (family: number): number => checked('socket', socketCalls().socket(family, STREAM, 0));

/** Closes a descriptor that no Node object owns. */
export const closeDescriptor = (fd: number): void => {
  socketCalls().close(fd);
};
