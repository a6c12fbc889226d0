// What is tried on arm64: the program as its users run it, beside a neighbour in another network namespace.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const sha = (data) => createHash('sha256').update(data).digest('hex');
const BULK = 8 << 20;

/** In the neighbour's namespace: what comes is hashed, and bulk is sent back with its hash; :2525 speaks first. */
function neighbour() {
  const bulk = randomBytes(BULK);
  const told = sha(bulk);
  createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    let count = 0;
    socket.on('data', (data) => {
      hash.update(data);
      count += data.length;
      if (count === 4 && data.toString() === 'RST!') socket.resetAndDestroy();
    });
    socket.on('end', () => {
      socket.write(`${JSON.stringify({ count, hash: hash.digest('hex'), bulk: told })}\n`);
      socket.end(bulk);
    });
    socket.on('error', () => {});
  }).listen(8080, '::');
  createServer((socket) => socket.on('error', () => {}).write('220 hello\r\n')).listen(2525, '::', () =>
    console.log('there'),
  );
}

const [host, far, far6] = ['10.1.1.2', '10.1.1.1', 'fd00:7::9'];
let [passed, failed] = [0, 0];

function check(what, right, said = '') {
  if (right) passed += 1;
  else failed += 1;
  console.log(`${right ? 'ok' : 'NOT OK'}  ${Math.round(process.uptime())}s  ${what} ${right ? '' : said}`);
}

function run(...command) {
  const { status, stdout, stderr } = spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
  return { right: status === 0, said: `${stdout}${stderr}` };
}

const sidestep = (...args) => run('node', 'bin/sidestep.js', ...args);

/** A proxy, once it is ready. */
async function proxy(...args) {
  const child = spawn('node', ['bin/sidestep.js', 'proxy', '--access-log', '-', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  child.said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      child.said += text;
    });
  for (let tries = 0; tries < 600 && !child.said.includes('ready '); tries += 1) await sleep(200);
  return child;
}

async function end(child) {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Sends bytes, ends its half, and takes bulk back: whether every byte of both was right. */
const exchange = (address, bytes) =>
  new Promise((resolve) => {
    const data = randomBytes(bytes);
    const got = [];
    const socket = connect({ host: address, port: 8080, allowHalfOpen: true }, () => socket.end(data));
    socket.on('data', (part) => got.push(part));
    socket.on('error', (error) => resolve(error.code));
    socket.on('end', () => {
      const all = Buffer.concat(got);
      const line = all.indexOf(10);
      const { count, hash, bulk } = JSON.parse(all.subarray(0, line));
      resolve(count === bytes && hash === sha(data) && bulk === sha(all.subarray(line + 1)) ? 'right' : 'wrong');
    });
  });

/** How a connection ends that is told something, or nothing. */
const ending = (port, say) =>
  new Promise((resolve) => {
    const socket = connect(port, far, () => say && socket.write(say));
    socket.once('data', (data) => {
      resolve(String(data).trim());
      socket.destroy();
    });
    socket.on('error', (error) => resolve(error.code));
    socket.on('close', () => resolve('closed'));
  });

async function outbound(engine) {
  const child = await proxy('--mark', '1', '--engine', engine, ...(engine === 'epoll' ? ['--workers', '2'] : []));
  check(`the engine ${engine}`, child.said.includes(`engine ${engine}`), child.said);
  for (const [address, bytes] of [
    [far, 10],
    [far, 70_000],
    [far, 24 << 20],
    [far6, 3 << 20],
  ]) {
    const said = await exchange(address, bytes);
    check(`${engine}: ${bytes} bytes to ${address}, ${BULK} back`, said === 'right', said);
  }
  const many = await Promise.all(Array.from({ length: 20 }, () => exchange(far, 100_000)));
  check(
    `${engine}: 20 at once`,
    many.every((said) => said === 'right'),
    many.join(),
  );
  check(`${engine}: who speaks first is heard`, (await ending(2525)) === '220 hello');
  check(`${engine}: a reset is passed on`, (await ending(8080, 'RST!')) === 'ECONNRESET');
  check(`${engine}: a refusal is a reset`, (await ending(9)) === 'ECONNRESET');
  await sleep(1_000);
  check(
    `${engine}: the log has the original destination`,
    child.said.includes(`"downstream_local_address":"${far}:8080"`),
    child.said,
  );
  if (engine === 'epoll') await takeOver(child);
  else await end(child);
}

/** A new proxy gets the old one's ports while connections come. */
async function takeOver(old) {
  let answered = 0;
  let broken = 0;
  let going = true;
  const asking = (async () => {
    while (going) {
      if ((await ending(2525)) === '220 hello') answered += 1;
      else broken += 1;
    }
  })();
  const gone = once(old, 'exit');
  const child = await proxy('--mark', '1', '--engine', 'epoll', '--take-over');
  await gone;
  await sleep(2_000);
  going = false;
  await asking;
  check(`take-over: ${answered} connections, none refused or reset`, answered > 0 && broken === 0, `${broken} were`);
  await end(child);
}

/** The neighbour calls an app here: it sees the neighbour's own address. */
async function transparent() {
  check(
    'init -m TPROXY',
    sidestep('init', '--dialect', 'istio', '-m', 'TPROXY', '-b', '*', '-i', '', '-u', '1337', '-g', '1337').right,
  );
  const app = createServer((socket) => socket.on('error', () => {}).end(`${socket.remoteAddress}\n`)).listen(
    7000,
    '0.0.0.0',
  );
  const child = await proxy('--mode', 'TPROXY', '--engine', 'epoll', '--inbound-source', 'client');
  const call = `require('net').connect(7000, '${host}').on('data', (d) => process.stdout.write(d)).on('error', (e) => console.log(e.code))`;
  const client = spawn('ip', ['netns', 'exec', 'far', 'node', '-e', call], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  client.stdout.on('data', (data) => {
    said += data;
  });
  await once(client, 'exit');
  check("TPROXY: the app sees the client's address", said.includes(far), said);
  await sleep(1_000);
  check(
    'TPROXY: the proxy was between them',
    child.said.includes('"downstream_remote_address":"10.1.1.1:'),
    child.said,
  );
  await end(child);
  app.close();
  check('clean', sidestep('clean').right);
}

async function main() {
  console.log(`${process.arch}, Node ${process.version}`);
  for (const command of [
    'link set lo up',
    'netns add far',
    'link add eth0 type veth peer name eth0 netns far',
    `addr add ${host}/24 dev eth0`,
    '-6 addr add fd00:7::2/64 dev eth0 nodad',
    'link set eth0 up',
    '-n far link set lo up',
    `-n far addr add ${far}/24 dev eth0`,
    `-6 -n far addr add ${far6}/64 dev eth0 nodad`,
    '-n far link set eth0 up',
  ]) {
    const { right, said } = run('ip', ...command.split(' '));
    if (!right) throw new Error(`ip ${command}: ${said}`);
  }
  const other = spawn('ip', ['netns', 'exec', 'far', 'node', 'guest.js', 'neighbour'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(other.stdout, 'data');
  const asked = [
    '--dialect',
    'istio',
    '--family',
    'both',
    '-b',
    '*',
    '-i',
    '*',
    '-u',
    '1337',
    '-g',
    '1337',
    '--proxy-mark',
    '1',
  ];
  const init = sidestep('init', ...asked);
  check('init', init.right, init.said);
  const trace = sidestep('trace', `out tcp > ${far}:8080`);
  check('trace follows them', trace.said.includes('to 127.0.0.1:15001'), trace.said);
  await outbound('epoll');
  await outbound('net');
  check('clean', sidestep('clean').right);
  await transparent();
  console.log(`\n${passed} passed, ${failed} failed`);
}

if (process.argv[2] === 'neighbour') neighbour();
else
  main()
    .catch((error) => console.log(error.stack))
    .finally(() => process.exit(failed === 0 ? 0 : 1));
