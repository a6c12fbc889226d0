import { createServer, type Server, type Socket } from 'node:net';
import { credentialsOf, descriptorOf, listenAbstract, sendDescriptors } from '../linux/socket/index.ts';
import { type Announced, ASK, descriptorsIn, type Handed, mayHave, nameOf, OVER, READY } from './handed.ts';

/** Who has asked for the sockets is ready to serve on them. */
export type Taken = (pid: number) => void;

/** So many descriptors in a message; the kernel takes 253. */
const AT_A_TIME = 200;

/**
 * Gives a proxy's listening sockets to whoever comes to take its place, until one has. `taken` is called when that one serves: by then
 * this proxy need not accept any more. Undefined where somebody else has the name: then nobody can take its place.
 */
export function offerHandOver(port: number, what: () => Handed, taken: Taken): { close(): void } | undefined {
  let fd: number;
  try {
    fd = listenAbstract(nameOf(port));
  } catch {
    return undefined;
  }
  const asking = new Set<Socket>();
  const close = () => {
    server.close();
    for (const socket of asking) socket.destroy();
  };
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    asking.add(socket);
    socket.on('close', () => asking.delete(socket));
    const channel = descriptorOf(socket);
    const who = channel === undefined ? undefined : credentialsOf(channel);
    if (channel === undefined || !who || !mayHave(who.uid)) {
      socket.destroy();
      return;
    }
    socket.on('data', (bytes) => {
      const said = String(bytes);
      if (said === ASK) {
        // Who has asked may be gone, or take nothing: this proxy serves on.
        if (!given(channel, what())) socket.destroy();
      } else if (said === READY) {
        asking.delete(socket);
        close();
        taken(who.pid);
        socket.end(OVER);
      } else socket.destroy();
    });
  });
  server.on('error', () => {});
  server.listen({ fd });
  // A proxy that has nothing else to do ends.
  server.unref();
  return { close };
}

function given(channel: number, handed: Handed): boolean {
  try {
    give(channel, handed);
    return true;
  } catch {
    return false;
  }
}

function give(channel: number, { listeners, beside }: Handed): void {
  const announced: Announced = {
    listeners: listeners.map(({ descriptors, ...port }) => ({ ...port, count: descriptors.length })),
    beside: beside.map(({ name, port }) => ({ name, port })),
  };
  sendDescriptors(channel, Buffer.from(`${JSON.stringify(announced)}\n`), []);
  const all = descriptorsIn({ listeners, beside });
  for (let at = 0; at < all.length; at += AT_A_TIME)
    sendDescriptors(channel, Buffer.from('.'), all.slice(at, at + AT_A_TIME));
}
