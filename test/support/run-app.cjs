// An app for `sidestep run`: answers on port 8080, and does what a request asks of it. Says `listening` when it is up.
const { createSocket } = require('node:dgram');
const { createServer, get } = require('node:http');
const { Resolver } = require('node:dns').promises;
const { connect } = require('node:net');

/** A question for the address of a name, over TCP. Source: RFC 1035, section 4. */
function overTcp(name) {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  const message = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
  return new Promise((resolve, reject) => {
    const socket = connect(53, '192.0.2.53').on('error', reject);
    socket.write(Buffer.from([0, message.length]));
    socket.write(message);
    socket.on('data', (answer) => {
      resolve([...answer.subarray(-4)].join('.'));
      socket.destroy();
    });
  });
}

/** Sends a datagram; fails as the network says. */
const datagram = (address) =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4').on('error', reject);
    socket.connect(9, address, () => socket.send('?'));
    setTimeout(() => resolve('silence'), 3000);
  });

const call = (url) =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => (text += piece));
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  });

const DOES = {
  hello: async (_, { remoteAddress }) => `called by ${remoteAddress.replace('::ffff:', '')}`,
  user: async () => `${process.getuid()}`,
  call,
  async udp(name) {
    const resolver = new Resolver();
    resolver.setServers(['192.0.2.53']);
    return (await resolver.resolve4(name)).join();
  },
  tcp: overTcp,
  datagram,
};

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://app');
  response.setHeader('connection', 'close');
  try {
    response.end(await DOES[pathname.slice(1)](searchParams.get('of'), request.socket));
  } catch (error) {
    response.end(`failed: ${error.code ?? error.message}`);
  }
});
process.on('SIGTERM', () => process.exit(42));
process.on('SIGUSR2', () => process.stdout.write('heard SIGUSR2\n'));
// The program is given as text: then its first argument is the first after Node's own name.
server.listen(8080, process.argv[1], () => process.stdout.write('listening\n'));
