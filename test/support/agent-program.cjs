// Runs inside a namespace and does there what it is told: one JSON request a line on standard input, one JSON answer a
// line on standard output. It opens listeners and sends packets; a listener says its name to whoever reaches it.
//
// Started with `node -e`, so that any user can run it wherever the checkout lies. The only argument is the built half of
// Sidestep that knows socket options, for those requests that need them.
const net = require('node:net');
const dgram = require('node:dgram');
const readline = require('node:readline');

const system = () => import(process.argv[1]);
const open = [];

/** Source: socket(7), SO_BINDTODEVICE. */
const bindToDevice = async (fd, device) => {
  if (!device) return;
  const { checked, socketCalls } = await import(new URL('socket/calls.js', process.argv[1]));
  checked('setsockopt', socketCalls().setsockopt(fd, 1, 25, Buffer.from(`${device}\0`), device.length + 1));
};

const listenTcp = async ({ name, address, port, only, transparent, device }) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.end(
      JSON.stringify({
        name,
        from: socket.remoteAddress,
        port: socket.remotePort,
        to: socket.localAddress,
        at: socket.localPort,
      }),
    );
  });
  const at = transparent
    ? {
        fd: (await system()).openTransparentListener({
          family: address.includes(':') ? 'ipv6' : 'ipv4',
          address,
          port,
        }),
      }
    : { host: address, port, ipv6Only: only === true };
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, resolve);
  });
  await bindToDevice(server._handle.fd, device);
  open.push(server);
};

const listenUdp = async ({ name, address, port, only, mute, device }) => {
  const socket = dgram.createSocket({
    reuseAddr: true,
    type: address.includes(':') ? 'udp6' : 'udp4',
    ipv6Only: only === true,
  });
  socket.on('message', (message, { address: from, port: at }) => {
    // The answer tells the sender; where it cannot come back, the listener's own word does.
    console.log(JSON.stringify({ heard: String(message), name }));
    if (!mute && String(message) !== 'quiet') socket.send(JSON.stringify({ name, from, port: at }), at, from, () => {});
  });
  socket.on('error', () => {});
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, resolve);
  });
  const handle = Object.getOwnPropertySymbols(socket)
    .map((key) => socket[key]?.handle)
    .find(Boolean);
  await bindToDevice(handle.fd, device);
  open.push(socket);
};

const connectTcp = async ({ to, port, from, fromPort, uid, gid, mark, timeout }) => {
  const socket =
    uid === undefined && mark === undefined
      ? net.connect({
          host: to,
          port,
          ...(from ? { localAddress: from } : {}),
          ...(fromPort ? { localPort: fromPort } : {}),
        })
      : (await system()).connectFrom({
          to: { family: to.includes(':') ? 'ipv6' : 'ipv4', address: to, port },
          ...(from ? { from } : {}),
          ...(mark === undefined ? {} : { mark }),
          ...(uid === undefined ? {} : { owner: { uid, gid: gid ?? uid } }),
        });
  return new Promise((resolve) => {
    let said = '';
    const done = (answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done({ silent: true }), timeout);
    socket.on('error', ({ code }) => done({ code }));
    socket.on('data', (data) => {
      said += data;
    });
    socket.on('end', () => done({ reached: JSON.parse(said) }));
    socket.resume();
  });
};

const sendUdp = ({ to, port, from, fromPort, timeout, token }) =>
  new Promise((resolve) => {
    const socket = dgram.createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const done = (answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done({ silent: true }), timeout);
    socket.on('error', ({ code }) => done({ code }));
    socket.on('message', (message) => done({ reached: JSON.parse(String(message)) }));
    socket.bind({ address: from, port: fromPort }, () => {
      // Connected, so that the kernel reports what an ICMP error says.
      socket.connect(port, to, (error) => {
        if (error) return done({ code: error.code });
        socket.send(token, (failed) => failed && done({ code: failed.code }));
      });
    });
  });

/** A UDP conversation: one datagram and its answer make it a known connection, then one that nobody answers. */
const converse = ({ to, port, timeout }) =>
  new Promise((resolve, reject) => {
    const socket = dgram.createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => reject(new Error('nobody answered')), timeout);
    socket.connect(port, to, () => socket.send('hello'));
    socket.once('message', () => {
      clearTimeout(timer);
      open.push(socket);
      resolve({ conversation: open.length - 1 });
    });
  });

const say = ({ conversation }) => new Promise((resolve) => open[conversation].send('quiet', () => resolve({})));

/** Sends an IPv4 packet as it stands. */
const sendRaw = async ({ packet, to }) => {
  const koffi = require('node:module').createRequire(process.argv[1])('koffi');
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int, int, int)');
  const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, uint32_t)');
  const [AF_INET, SOCK_RAW, IPPROTO_RAW] = [2, 3, 255];
  const bytes = Buffer.from(packet, 'base64');
  const address = Buffer.from([AF_INET, 0, 0, 0, ...to.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0]);
  const sent = sendto(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), bytes, bytes.length, 0, address, address.length);
  if (sent !== bytes.length) throw new Error(`errno ${koffi.errno()}`);
};

/** Sends an Ethernet frame as it stands, out of a device. */
const sendFrame = async ({ frame, device }) => {
  const koffi = require('node:module').createRequire(process.argv[1])('koffi');
  const libc = koffi.load(null);
  const [AF_PACKET, SOCK_RAW] = [17, 3];
  frames ??= libc.func('int socket(int, int, int)')(AF_PACKET, SOCK_RAW, 0);
  const index = libc.func('unsigned int if_nametoindex(const char *)')(device);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeInt32LE(index, 4);
  const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, uint32_t)');
  const bytes = Buffer.from(frame, 'base64');
  if (sendto(frames, bytes, bytes.length, 0, address, address.length) !== bytes.length)
    throw new Error(`errno ${koffi.errno()}`);
};

let frames;

const tasks = {
  converse,
  say,
  sendRaw,
  sendFrame,
  greet: () => {},
  listen: (request) => (request.protocol === 'udp' ? listenUdp(request) : listenTcp(request)),
  send: (request) => (request.protocol === 'udp' ? sendUdp(request) : connectTcp(request)),
};

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = (await tasks[request.task](request)) ?? {};
  } catch (error) {
    answer = { failed: String(error.message ?? error) };
  }
  console.log(JSON.stringify({ id: request.id, ...answer }));
});
process.stdin.on('end', () => process.exit());
