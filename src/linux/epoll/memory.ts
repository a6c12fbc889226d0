import { loopCalls } from './calls.ts';

/** Bytes at an address that does not change, for system calls: koffi takes a number sooner than a buffer. */
export class Memory {
  readonly bytes: Buffer;
  readonly address: number;

  constructor(size: number) {
    // Memory of its own: a slice of Node's pool would do too, but the pool would be kept whole for it.
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.address = loopCalls().address(this.bytes);
  }
}
