import type { Socket } from 'node:net';

/**
 * Passes on what `from` sends until its FIN, then the FIN itself. Never holds more than one write that `to` has not taken
 * (64 KiB): while it waits, `from` is not read and the kernel's window stops its sender.
 *
 * `moved` is called with each piece, and with an empty one when a stalled reader takes bytes again. `ended` is asked
 * whether what Node reports as an end is one.
 */
export function pump(from: Socket, to: Socket, moved: (piece: Buffer) => void, ended: () => boolean): void {
  from.on('data', (piece: Buffer) => {
    moved(piece);
    if (!to.write(piece)) from.pause();
  });
  to.on('drain', () => {
    moved(NOTHING);
    from.resume();
  });
  from.on('end', () => {
    if (ended()) to.end();
  });
  from.resume();
}

const NOTHING = Buffer.alloc(0);

/**
 * Calls `then` once all that was written to a socket is in the kernel's hands, or after `timeout` ms: a RST that follows
 * must not overtake bytes which its sender had sent before.
 */
export function whenWritten(socket: Socket, timeout: number, then: () => void): void {
  if (socket.destroyed || socket.writableLength === 0) {
    then();
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  const once = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    then();
  };
  timer = setTimeout(once, timeout);
  if (socket.writableEnded) socket.once('finish', once);
  else socket.write(NOTHING, once);
  socket.once('close', once);
}
