// The app behind the proxies: a connection that begins with U is swallowed to its end and then answered with one byte; all else is sent back
// as it comes.
import { CHUNK, Loop, listening } from './sockets.js';

const UPLOAD = 0x55;
const servers = await Promise.all(process.argv.slice(2).map((port) => listening(Number(port))));
const loop = new Loop();
const { streams, buffer } = loop;

function serve(fd) {
  let swallows;
  loop.watch(fd, () => {
    const got = streams.receive(fd, buffer, CHUNK);
    if (got > 0) {
      swallows ??= buffer.bytes[0] === UPLOAD;
      if (!swallows) streams.send(fd, buffer, 0, got);
    } else if (got === 0 || got !== -11) {
      if (swallows) streams.send(fd, buffer, 0, 1);
      loop.close(fd);
    }
  });
}

for (const { fd: listener } of servers)
  loop.watch(listener, () => {
    for (let fd = streams.accept(listener); fd >= 0; fd = streams.accept(listener)) {
      streams.prepare(fd, 0);
      serve(fd);
    }
  });
process.stdout.write('"ready"\n', () => loop.run(() => false));
