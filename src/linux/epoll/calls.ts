import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { loadKoffi, SystemCallFailed } from '../socket/calls.ts';

/** errno's numbers, as far as the loop goes by them. */
export const { EAGAIN, ECONNABORTED, EINPROGRESS, EINTR, EMFILE, ENFILE } = constants.errno;

/**
 * The calls of the event loop. Each returns what the system call does, or minus errno, which is read at once: whatever runs
 * in between may change it. Addresses are numbers (see `Memory`); 0 is NULL.
 */
export interface LoopCalls {
  epoll_create1(flags: number): number;
  epoll_ctl(poll: number, operation: number, fd: number, event: number): number;
  epoll_wait(poll: number, events: number, count: number, timeout: number): number;
  eventfd(value: number, flags: number): number;
  read(fd: number, to: number, size: number): number;
  write(fd: number, from: number, size: number): number;
  close(fd: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: number, size: number): number;
  connect(fd: number, address: number, size: number): number;
  accept4(fd: number, address: number, size: number, flags: number): number;
  getsockname(fd: number, address: number, size: number): number;
  getsockopt(fd: number, level: number, option: number, value: number, size: number): number;
  setsockopt(fd: number, level: number, option: number, value: number, size: number): number;
  recv(fd: number, to: number, size: number, flags: number): number;
  send(fd: number, from: number, size: number, flags: number): number;
  shutdown(fd: number, how: number): number;
  pipe2(pair: number, flags: number): number;
  fcntl(fd: number, command: number, value: number): number;
  splice(from: number, fromOffset: number, to: number, toOffset: number, size: number, flags: number): number;
  /** Where the bytes of a buffer lie. They stay there as long as the buffer lives. */
  address(buffer: Uint8Array): number;
}

/** Passes on what a call returned; throws SystemCallFailed where that is an error. */
export function accepted(call: string, returned: number): number {
  if (returned < 0) throw new SystemCallFailed(call, getSystemErrorName(returned));
  return returned;
}

let bound: LoopCalls | undefined;

/** The calls, bound on first use in each thread. Throws MissingPackage where koffi cannot be loaded. */
export function loopCalls(): LoopCalls {
  if (bound) return bound;
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const bind = (prototype: string) => libc.func(prototype) as (...values: number[]) => number;
  const said = (result: number): number => (result < 0 ? -koffi.errno() : result);
  // One of each length: parameters that are spread cost a fifth of a call.
  const one =
    (prototype: string, run = bind(prototype)) =>
    (a: number) =>
      said(run(a));
  const two =
    (prototype: string, run = bind(prototype)) =>
    (a: number, b: number) =>
      said(run(a, b));
  const three =
    (prototype: string, run = bind(prototype)) =>
    (a: number, b: number, c: number) =>
      said(run(a, b, c));
  const four =
    (prototype: string, run = bind(prototype)) =>
    (a: number, b: number, c: number, d: number) =>
      said(run(a, b, c, d));
  const five =
    (prototype: string, run = bind(prototype)) =>
    (a: number, b: number, c: number, d: number, e: number) =>
      said(run(a, b, c, d, e));
  const six =
    (prototype: string, run = bind(prototype)) =>
    (a: number, b: number, c: number, d: number, e: number, f: number) =>
      said(run(a, b, c, d, e, f));
  bound = {
    epoll_create1: one('int epoll_create1(int)'),
    epoll_ctl: four('int epoll_ctl(int, int, int, uintptr_t)'),
    epoll_wait: four('int epoll_wait(int, uintptr_t, int, int)'),
    eventfd: two('int eventfd(unsigned int, int)'),
    read: three('intptr_t read(int, uintptr_t, size_t)'),
    write: three('intptr_t write(int, uintptr_t, size_t)'),
    close: one('int close(int)'),
    socket: three('int socket(int, int, int)'),
    bind: three('int bind(int, uintptr_t, uint32_t)'),
    connect: three('int connect(int, uintptr_t, uint32_t)'),
    accept4: four('int accept4(int, uintptr_t, uintptr_t, int)'),
    getsockname: three('int getsockname(int, uintptr_t, uintptr_t)'),
    getsockopt: five('int getsockopt(int, int, int, uintptr_t, uintptr_t)'),
    setsockopt: five('int setsockopt(int, int, int, uintptr_t, uint32_t)'),
    recv: four('intptr_t recv(int, uintptr_t, size_t, int)'),
    send: four('intptr_t send(int, uintptr_t, size_t, int)'),
    shutdown: two('int shutdown(int, int)'),
    pipe2: two('int pipe2(uintptr_t, int)'),
    fcntl: three('int fcntl(int, int, intptr_t)'),
    splice: six('intptr_t splice(int, uintptr_t, int, uintptr_t, size_t, unsigned int)'),
    address: (buffer) => Number(koffi.address(buffer)),
  };
  return bound;
}
