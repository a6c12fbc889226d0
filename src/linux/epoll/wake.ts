import { accepted, loopCalls } from './calls.ts';
import { Memory } from './memory.ts';

/** EFD_CLOEXEC | EFD_NONBLOCK. Source: eventfd(2). */
const FLAGS = 0x8_0800;

/** An eventfd: made by whoever wants to end another thread's wait, which has it among its descriptors. Throws SystemCallFailed. */
export const openWake = (): number => accepted('eventfd', loopCalls().eventfd(0, FLAGS));

let one: Memory | undefined;

/** Ends the wait of the thread that has `fd` among its descriptors, or its next one. */
export function wake(fd: number): void {
  one ??= oneOf();
  loopCalls().write(fd, one.address, 8);
}

function oneOf(): Memory {
  const memory = new Memory(8);
  new BigUint64Array(memory.bytes.buffer)[0] = 1n;
  return memory;
}

let taken: Memory | undefined;

/** Takes note of having been woken: the next wait waits again. */
export function takeWake(fd: number): void {
  taken ??= new Memory(8);
  loopCalls().read(fd, taken.address, 8);
}
