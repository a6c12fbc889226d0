// The demo's app, a program of its own inside the pod: answers on the ports it is given, and says whom it was called by.
// It ends when its standard input does, so it never outlives the demo.
import { createServer } from 'node:http';

const ports = process.argv.slice(2).map(Number);
for (const port of ports) {
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close');
    response.end(JSON.stringify({ port, caller: request.socket.remoteAddress?.replace(/^::ffff:/, '') }));
  });
  server.listen(port, '::', () => process.stdout.write(`listening ${port}\n`));
}
process.stdin.resume().on('end', () => process.exit(0));
