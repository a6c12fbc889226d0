// One end of the churn: `serve PORT` or `call HOST SEED TOGETHER PORT…`. A caller draws a plan for each connection and says it in the
// first line; both ends know from it every byte that has to come. What is found out is printed, one JSON line each.
import { connect, createServer } from 'node:net';

const PIECE = 1 << 16;
const ROUND = 1 << 20;
/** Bytes that look random, the same in every process; a stream is a walk around them. */
const pool = Buffer.alloc(ROUND + PIECE);
let state = 7;
for (let at = 0; at < ROUND; at += 4) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  pool.writeUInt32LE(state, at);
}
pool.copy(pool, ROUND, 0, PIECE);

const randomFrom = (seed) => {
  let last = seed >>> 0;
  return () => {
    last = (last + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(last ^ (last >>> 15), last | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const tally = { connections: 0, right: 0, reset: 0, bytes: 0, open: 0 };
setInterval(() => tell({ tally }), 500).unref();
process.on('exit', () => tell({ tally }));

/** Writes the stream of a seed as it is taken; with a RST once `until` bytes of it are written, where that is not -1. */
function pour(socket, { seed, size, until }) {
  let sent = 0;
  const write = () => {
    while (!socket.destroyed && sent < size) {
      if (until >= 0 && sent >= until) return socket.resetAndDestroy();
      const from = (seed + sent) % ROUND;
      const length = Math.min(PIECE, size - sent, until >= 0 ? Math.max(1, until - sent) : PIECE);
      sent += length;
      if (!socket.write(pool.subarray(from, from + length))) return socket.once('drain', write);
    }
    if (!socket.destroyed) socket.end();
  };
  write();
}

/** Compares what comes with the stream of a seed, and stalls at random. `ended` gets how many bytes came, and how it ended. */
function compare(socket, { seed, size, random, slow }, ended) {
  let got = 0;
  const over = (how) => {
    socket.removeAllListeners('data');
    ended(got, how);
  };
  const take = (piece) => {
    for (let at = 0; at < piece.length; at += PIECE) {
      const part = piece.subarray(at, at + PIECE);
      const from = (seed + got) % ROUND;
      if (got + part.length > size || part.compare(pool, from, from + part.length) !== 0)
        tell({ wrong: { seed, size, got, length: part.length } });
      got += part.length;
      tally.bytes += part.length;
    }
    if (random() < slow) {
      socket.pause();
      setTimeout(() => socket.resume(), random() < 0.03 ? random() * 3000 : random() * 60);
    }
  };
  socket.on('data', take);
  socket.once('end', () => over('end'));
  socket.once('error', (error) => over(error.code));
  socket.once('close', () => over('close'));
  return take;
}

const once = (then) => {
  let done = false;
  return (...given) => {
    if (done) return;
    done = true;
    then(...given);
  };
};

function serve(port) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const begun = Date.now();
    socket.on('error', () => {});
    let head = Buffer.alloc(0);
    // Killed before it had said its plan.
    const without = () => socket.destroy();
    socket.once('end', without);
    const onHead = (piece) => {
      head = Buffer.concat([head, piece]);
      const end = head.indexOf('\n');
      if (end < 0) return;
      socket.off('data', onHead);
      socket.off('end', without);
      const plan = JSON.parse(head.subarray(0, end));
      tally.connections += 1;
      const random = randomFrom(plan.seed + 1);
      const answer = () => pour(socket, { seed: plan.seed * 3, size: plan.down, until: plan.serverResets });
      const ended = once((got, how) => {
        if (got === plan.up && how === 'end') {
          tally.right += 1;
          if (plan.wait) answer();
        } else if (plan.clientResets < 0 && plan.serverResets < 0)
          tell({ short: { begun, ended: Date.now(), how, got, plan } });
        else tally.reset += 1;
        // The caller is dead, and has nobody to tell so: its half of the connection would stay open for as long as ours.
        if (got !== plan.up || how !== 'end') socket.destroy();
      });
      const take = compare(socket, { seed: plan.seed, size: plan.up, random, slow: plan.slow }, ended);
      if (head.length > end + 1) take(head.subarray(end + 1));
      if (!plan.wait) answer();
    };
    socket.on('data', onHead);
  });
  server.listen({ port, host: '::', backlog: 1024 }, () => tell({ ready: true }));
}

const sizeFrom = (random) => {
  const kind = random();
  if (kind < 0.1) return 0;
  return Math.floor(random() * (kind < 0.75 ? 5000 : kind < 0.97 ? 1 << 19 : 8 << 20));
};

function planFrom(random) {
  const [up, down] = [sizeFrom(random), sizeFrom(random)];
  const resets = (size, share) => (random() < share ? Math.floor(random() * size) : -1);
  return {
    ...{ seed: Math.floor(random() * ROUND), up, down, wait: random() < 0.5 },
    ...{ clientResets: resets(up, 0.08), serverResets: resets(down, 0.06) },
    slow: random() < 0.3 ? 0.2 : 0.005,
  };
}

let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});

const one = (host, port, random) =>
  new Promise((resolve) => {
    const plan = planFrom(random);
    const begun = Date.now();
    const socket = connect({ host, port, allowHalfOpen: true });
    tally.open += 1;
    tally.connections += 1;
    const over = once(() => {
      clearInterval(watch);
      tally.open -= 1;
      resolve();
    });
    socket.on('close', over);
    // Node does not always tell of the end of a socket that was reset.
    const watch = setInterval(() => socket.destroyed && over(), 1000);
    const ended = once((got, how) => {
      if (got === plan.down && how === 'end') tally.right += 1;
      else if (plan.clientResets >= 0 || plan.serverResets >= 0) tally.reset += 1;
      else tell({ short: { port, begun, ended: Date.now(), how, got, plan } });
      if (how !== 'end') socket.destroy();
    });
    socket.on('error', () => {});
    compare(
      socket,
      { seed: plan.seed * 3, size: plan.down, random: randomFrom(plan.seed + 2), slow: plan.slow },
      ended,
    );
    socket.write(`${JSON.stringify(plan)}\n`);
    pour(socket, { seed: plan.seed, size: plan.up, until: plan.clientResets });
  });

const [role, ...given] = process.argv.slice(2);
if (role === 'serve') serve(Number(given[0]));
else {
  const [host, seed, together, ...ports] = given;
  const random = randomFrom(Number(seed));
  const worker = async () => {
    while (!stopping) await one(host, Number(ports[Math.floor(random() * ports.length)]), random);
  };
  tell({ ready: true });
  await Promise.all(Array.from({ length: Number(together) }, worker));
  process.exit(0);
}
