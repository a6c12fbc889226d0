import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProxyConfig } from '../../src/proxy/index.ts';
import { ENGINES } from '../proxy/loopback.ts';
import { type Peer, type ProxyProcess, startPeer, startProxyIn } from '../proxy/namespaced.ts';
import {
  BY_MARK,
  BY_OWNER,
  loadIstio,
  loadIstio2018,
  loadIstio2018Tproxy,
  loadIstioTproxy,
  PROXY_MARK,
} from '../proxy/rules.ts';
import { CLIENT, openPair, type Pair, POD, type Scratch, WAYS } from '../support/namespace.ts';

/** Beside another proxy in one namespace: no port but its own two. */
const ALONE = { readinessPort: 'none', metricsPort: 'none', adminPort: 'none' } as const;

/** Each engine, as each user. */
const EACH = ENGINES.flatMap((engine) => WAYS.map((way) => ({ engine, ...way })));

/** What a server that tells saw of a connection. */
interface Told {
  readonly peer: string;
  readonly local: string;
  readonly port: number;
  readonly said: string;
}
interface Outcome {
  readonly answer: string;
  readonly ending: string;
  readonly connected: boolean;
}

/** A client, a pod whose rules are loaded, its app, and the proxy. */
class World {
  readonly pair: Pair;
  readonly client: Peer;
  readonly app: Peer;
  readonly proxy: ProxyProcess;
  #read = 0;

  private constructor(pair: Pair, client: Peer, app: Peer, proxy: ProxyProcess) {
    this.pair = pair;
    this.client = client;
    this.app = app;
    this.proxy = proxy;
  }

  static async open(
    options: { readonly user?: number },
    rules: 'istio' | 'tproxy' | '2018' | '2018-tproxy',
    config: ProxyConfig = {},
  ): Promise<World> {
    const pair = await openPair(options);
    const { pod } = pair;
    const own = pod.manyUsers ? BY_OWNER : BY_MARK;
    if (rules === 'istio') loadIstio(pod, own);
    else if (rules === 'tproxy') loadIstioTproxy(pod, own);
    else if (rules === '2018') loadIstio2018(pod, own);
    else loadIstio2018Tproxy(pod, own);
    const client = startPeer(pair.client);
    const app = startPeer(pod, pod.manyUsers ? { uid: 1000 } : {});
    // With TPROXY it must be root, and is known by its gid.
    const become = !pod.manyUsers ? {} : rules.endsWith('tproxy') ? { gid: 1337 } : { uid: 1337 };
    const full = { ...(pod.manyUsers ? {} : { mark: PROXY_MARK }), drain: { notice: 300, timeout: 600 }, ...config };
    const proxy = await startProxyIn(pod, full, become);
    return new World(pair, client, app, proxy);
  }

  /** The access log's next line. */
  line() {
    this.#read += 1;
    return this.proxy.line(this.#read).then((l) => {
      if (process.env.SHOW)
        console.log(JSON.stringify(Object.fromEntries(Object.entries(l).filter(([, v]) => v !== null))));
      return l;
    });
  }

  /** The response flags of the next so many lines, each once. */
  async flags(lines: number) {
    const from = this.#read;
    this.#read += lines;
    await this.proxy.line(this.#read);
    return new Set(this.proxy.lines.slice(from, this.#read).map((line) => line.response_flags));
  }

  close() {
    for (const { close } of [this.proxy, this.client, this.app]) close();
    this.pair.close();
  }
}

const told = ({ answer, ending }: Outcome): Told => {
  expect(ending).toBe('FIN');
  return JSON.parse(answer) as Told;
};

const FAMILIES = [
  { family: 'IPv4', pod: POD.ipv4, outside: CLIENT.ipv4, passthrough: '127.0.0.6', loopback: '127.0.0.1' },
  { family: 'IPv6', pod: POD.ipv6, outside: CLIENT.ipv6, passthrough: '::6', loopback: '::1' },
] as const;

const READY = 'GET /healthz/ready HTTP/1.0\r\n\r\n';

const residentMegabytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const at = (address: string, port: number) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);

describe.each(EACH)('engine $engine, behind today’s rules, REDIRECT, $title', ({ engine, options }) => {
  let world: World;
  beforeAll(async () => {
    world = await World.open(options, 'istio', { engine });
    await world.app.do('serve', { port: 8080, as: 'tell' });
    await world.client.do('serve', { port: 9090, as: 'tell' });
  });
  afterAll(() => world?.close());

  test.for(FAMILIES)('inbound $family: the original address is dialled, from the passthrough address', async (side) => {
    const to = { host: side.pod, port: 8080 };
    const seen = told(await world.client.do<Outcome>('ask', { to, say: 'hello' }));
    expect(seen).toEqual({ peer: side.passthrough, local: side.pod, port: 8080, said: 'hello' });
    const line = await world.line();
    expect(line).toMatchObject({
      response_flags: '-',
      upstream_cluster: 'inbound|8080||',
      downstream_local_address: at(side.pod, 8080),
      upstream_host: at(side.pod, 8080),
      bytes_received: 5,
    });
    expect(line.downstream_remote_address).toContain(side.outside);
  });

  test.for(FAMILIES)('outbound $family: the original address is dialled, from the pod’s own', async (side) => {
    const to = { host: side.outside, port: 9090 };
    const seen = told(await world.app.do<Outcome>('ask', { to, say: 'out' }));
    expect(seen).toEqual({ peer: side.pod, local: side.outside, port: 9090, said: 'out' });
    expect(await world.line()).toMatchObject({
      response_flags: '-',
      upstream_cluster: 'PassthroughCluster',
      downstream_local_address: at(side.outside, 9090),
    });
  });

  test.for(FAMILIES)('a connection straight to the proxy’s ports is reset, $family', async (side) => {
    for (const port of [15006, 15001]) {
      const to = { host: side.pod, port };
      const { ending } = await world.client.do<Outcome>('ask', { to });
      expect(ending).toBe('ECONNRESET');
      const line = await world.line();
      expect(line).toMatchObject({ response_flags: 'NR', upstream_host: null });
      expect(line.downstream_local_address).toBe(at(side.pod, port));
    }
    const { ending } = await world.app.do<Outcome>('ask', { to: { host: side.loopback, port: 15006 } });
    expect(ending).toBe('ECONNRESET');
    expect(await world.line()).toMatchObject({ response_flags: 'NR' });
  });

  test.for(FAMILIES)('a port on which nobody listens is a RST, and the log says why, $family', async (side) => {
    const { ending } = await world.client.do<Outcome>('ask', { to: { host: side.pod, port: 8081 } });
    expect(ending).toBe('ECONNRESET');
    const why = `connect ECONNREFUSED ${at(side.pod, 8081)} (nobody listens there)`;
    expect(await world.line()).toMatchObject({
      response_flags: 'UF,URX',
      upstream_transport_failure_reason: why,
    });
  });

  test('an unreachable upstream is a RST, and the log says why', async () => {
    // The client is the pod's router: it says so by ICMP.
    world.pair.client.must(['ip', 'route', 'add', 'unreachable', '203.0.113.0/24']);
    world.pair.client.must(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    const outcome = await world.app.do<Outcome>('ask', { to: { host: '203.0.113.1', port: 80 } });
    expect(outcome).toMatchObject({ ending: 'ECONNRESET' });
    expect((await world.line()).upstream_transport_failure_reason).toContain('EHOSTUNREACH');
  });

  test('the kubelet asks on 15021', async () => {
    const { answer } = await world.client.do<Outcome>('ask', { to: { host: POD.ipv4, port: 15021 }, say: READY });
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  test('inbound to a link-local address', async () => {
    const { pod } = world.pair;
    const list = () => pod.must(['ip', '-6', 'address', 'show', 'dev', 'eth0', 'scope', 'link', '-tentative']);
    await expect.poll(list, { timeout: 5000 }).toContain('fe80');
    const [, address] = /inet6 (fe80\S+)\//.exec(list()) ?? [];
    const to = { host: `${address}%eth0`, port: 8080 };
    const seen = told(await world.client.do<Outcome>('ask', { to, say: 'hello' }));
    expect(seen).toEqual({ peer: '::1', local: '::1', port: 8080, said: 'hello' });
    expect(await world.line()).toMatchObject({ downstream_local_address: at(`${address}%eth0`, 8080) });
  });
});

describe.each(EACH)('engine $engine, behind today’s rules, TPROXY, $title', ({ engine, options }) => {
  let world: World;
  beforeAll(async () => {
    world = await World.open(options, 'tproxy', { mode: 'TPROXY', engine });
    await world.app.do('serve', { port: 8080, as: 'tell' });
    await world.client.do('serve', { port: 9090, as: 'tell' });
  });
  afterAll(() => world?.close());

  test.for(FAMILIES)('inbound $family: the app sees the client’s own address', async (side) => {
    const seen = told(await world.client.do<Outcome>('ask', { to: { host: side.pod, port: 8080 }, say: 'hello' }));
    expect(seen).toEqual({ peer: side.outside, local: side.pod, port: 8080, said: 'hello' });
    expect(await world.line()).toMatchObject({ response_flags: '-', downstream_local_address: at(side.pod, 8080) });
  });

  test.for(FAMILIES)(
    '$family: the proxy’s own port at the client’s address is not that of another of its connections',
    async (side) => {
      const to = { host: side.pod, port: 8080 };
      const open = world.client.do<{ answer: string }>('slowly', { to: { ...to, from: 40_002 }, pause: 600 });
      await sleep(200);
      // Two are left to choose from, one of which is the client's: both would be one connection to the app, and end each other.
      const range = (ports: string) =>
        world.pair.pod.must(['sh', '-c', `echo ${ports} > /proc/sys/net/ipv4/ip_local_port_range`]);
      range('40002 40003');
      expect(told(await world.client.do<Outcome>('ask', { to, say: 'another' })).said).toBe('another');
      expect(JSON.parse((await open).answer).said).toBe('one two');
      expect(await world.flags(2)).toEqual(new Set(['-']));
      range('32768 60999');
    },
  );

  test.for(FAMILIES)('outbound $family still comes by REDIRECT', async (side) => {
    const seen = told(await world.app.do<Outcome>('ask', { to: { host: side.outside, port: 9090 }, say: 'out' }));
    expect(seen.peer).toBe(side.pod);
    expect(await world.line()).toMatchObject({ response_flags: '-', upstream_cluster: 'PassthroughCluster' });
  });

  test.for(FAMILIES)('a connection straight to the proxy’s port is reset, $family', async (side) => {
    const { ending } = await world.client.do<Outcome>('ask', { to: { host: side.pod, port: 15006 } });
    expect(ending).toBe('ECONNRESET');
    expect(await world.line()).toMatchObject({ response_flags: 'NR' });
  });
});

describe.each(EACH)(
  'engine $engine, behind the rules of 2018, one port for both directions, $title',
  ({ engine, options }) => {
    let world: World;
    beforeAll(async () => {
      world = await World.open(options, '2018', { dialect: 'istio-2018', engine });
      for (const port of [8080, 8888]) await world.app.do('serve', { port, as: 'tell' });
      await world.client.do('serve', { port: 9090, as: 'tell' });
    });
    afterAll(() => world?.close());

    test('inbound is passed on over the loopback', async () => {
      for (const port of [8080, 8888]) {
        const seen = told(await world.client.do<Outcome>('ask', { to: { host: POD.ipv4, port }, say: 'hello' }));
        expect(seen).toEqual({ peer: '127.0.0.1', local: '127.0.0.1', port, said: 'hello' });
        expect(await world.line()).toMatchObject({
          upstream_cluster: `inbound|${port}||`,
          downstream_local_address: at(POD.ipv4, port),
          upstream_host: at('127.0.0.1', port),
        });
      }
    });

    test('outbound goes to its original address', async () => {
      const seen = told(await world.app.do<Outcome>('ask', { to: { host: CLIENT.ipv4, port: 9090 }, say: 'out' }));
      expect(seen).toMatchObject({ peer: POD.ipv4, said: 'out' });
      expect(await world.line()).toMatchObject({ upstream_cluster: 'PassthroughCluster' });
    });

    test('the pod’s call to its own address is inbound, and ends no loop', async () => {
      const seen = told(await world.app.do<Outcome>('ask', { to: { host: POD.ipv4, port: 8080 }, say: 'self' }));
      expect(seen).toMatchObject({ peer: '127.0.0.1', said: 'self' });
      expect(await world.line()).toMatchObject({ upstream_cluster: 'inbound|8080||' });
    });

    test('a connection straight to the port is reset', async () => {
      for (const peer of [world.client, world.app]) {
        const { ending } = await peer.do<Outcome>('ask', { to: { host: POD.ipv4, port: 15001 } });
        expect(ending).toBe('ECONNRESET');
        expect(await world.line()).toMatchObject({ response_flags: 'NR' });
      }
    });
  },
);

describe.each(EACH)('engine $engine, behind the rules of 2018, TPROXY, $title', ({ engine, options }) => {
  test('the one port takes inbound connections as they are, and outbound ones by REDIRECT', async () => {
    const world = await World.open(options, '2018-tproxy', { dialect: 'istio-2018', mode: 'TPROXY', engine });
    await world.app.do('serve', { port: 8080, as: 'tell' });
    await world.client.do('serve', { port: 9090, as: 'tell' });
    const inbound = told(await world.client.do<Outcome>('ask', { to: { host: POD.ipv4, port: 8080 }, say: 'hello' }));
    expect(inbound).toEqual({ peer: '127.0.0.1', local: '127.0.0.1', port: 8080, said: 'hello' });
    expect(await world.line()).toMatchObject({ downstream_local_address: at(POD.ipv4, 8080) });
    const outbound = told(await world.app.do<Outcome>('ask', { to: { host: CLIENT.ipv4, port: 9090 }, say: 'out' }));
    expect(outbound.peer).toBe(POD.ipv4);
    expect(await world.line()).toMatchObject({ upstream_cluster: 'PassthroughCluster' });
    world.close();
  });
});

describe.each(ENGINES)('engine %s, every correctness case, by REDIRECT', (engine) => {
  let world: World;
  let pressed: Promise<{ written: number }>;
  const to = (port: number) => ({ to: { host: POD.ipv4, port } });
  beforeAll(async () => {
    // Longer than a SYN that got lost takes to come again: two hundred at once may lose one.
    world = await World.open(WAYS[0]!.options, 'istio', { connectTimeout: 3000, engine });
    const servers = {
      8080: 'tell',
      8081: 'greet',
      8082: 'finFirst',
      8083: 'reset',
      8084: 'hold',
      8085: 'stall',
      8086: 'digest',
      8087: 'pour',
    };
    for (const [port, as] of Object.entries(servers)) await world.app.do('serve', { port: Number(port), as });
    // Beside the cases that follow: it takes ten seconds.
    pressed = world.client.do<{ written: number }>('press', { ...to(8085), seconds: 10 });
  });
  afterAll(() => world?.close());

  test('half-close: the client’s half first', async () => {
    const seen = told(await world.client.do<Outcome>('ask', { ...to(8080), say: 'my half' }));
    expect(seen.said).toBe('my half');
    expect(await world.line()).toMatchObject({ response_flags: '-', bytes_received: 7 });
  });

  test('half-close: the server’s half first', async () => {
    expect(await world.client.do('slowly', to(8082))).toEqual({ answer: 'that is all' });
    expect(await world.line()).toMatchObject({ response_flags: '-', bytes_received: 7, bytes_sent: 11 });
    expect(await world.app.do('heard')).toEqual({ heard: 'one two' });
  });

  test('a server that speaks first', async () => {
    const { answer } = await world.client.do<Outcome>('ask', { ...to(8081), say: 'thanks' });
    expect(answer).toBe('220 ready bye');
    expect(await world.line()).toMatchObject({ response_flags: '-' });
  });

  test.for([
    ['http', 8090, '/http', { protocol: 'HTTP/1.1' }],
    ['http2', 8091, '/http2', { protocol: 'HTTP/2' }],
    [
      'tls',
      8092,
      'api.example.org',
      {
        protocol: 'TLS',
        requested_server_name: 'api.example.org',
        requested_application_protocols: ['h2', 'http/1.1'],
      },
    ],
  ] as const)('what a client speaks is recognised: %s', async ([language, port, answer, seen]) => {
    await world.app.do('serveLanguage', { port, as: language });
    expect(await world.client.do('askIn', { ...to(port), language })).toEqual({ answer });
    expect(await world.line()).toMatchObject({ response_flags: '-', ...seen });
  });

  test('a RST of the server stays a RST', async () => {
    expect(await world.client.do('hang', to(8083))).toMatchObject({ answer: 'half an ans', ending: 'ECONNRESET' });
    expect(await world.line()).toMatchObject({ response_flags: 'UC', bytes_sent: 11 });
  });

  test('a RST of the client stays a RST', async () => {
    await world.client.do('abort', { ...to(8084), say: ' so far' });
    expect(await world.line()).toMatchObject({ response_flags: 'DC', bytes_received: 7 });
    const { heard } = await world.app.do<{ heard: string }>('heard');
    expect(heard).toContain(' so far ECONNRESET');
  });

  test('a client that is gone before its connection is looked at', async () => {
    process.kill(world.proxy.pid, 'SIGSTOP');
    await world.client.do('abort', { ...to(8080), say: 'never mind' });
    await sleep(100);
    // The kernel forgets it, as it does of itself sooner or later. It alone: what is sent back to a client whose
    // connection is forgotten comes from the proxy's own port, and the client resets it.
    world.pair.pod.must(['conntrack', '-D', '-p', 'tcp', '--orig-port-dst', '8080']);
    process.kill(world.proxy.pid, 'SIGCONT');
    expect(await world.line()).toMatchObject({ response_flags: 'DC' });
  });

  test('200 connections whose FIN comes at once', async () => {
    expect(await world.client.do('many', { ...to(8080), count: 200, together: 200 })).toEqual({ served: 200 });
    expect(await world.flags(200)).toEqual(new Set(['-']));
  });

  test('churn leaves no descriptor behind', async () => {
    const before = world.proxy.descriptors();
    const count = 8000;
    expect(await world.client.do('many', { ...to(8080), count, together: 50 })).toEqual({ served: count });
    expect(await world.flags(count)).toEqual(new Set(['-']));
    await expect.poll(() => world.proxy.descriptors()).toBeLessThanOrEqual(before);
  });

  test('a reader that stalls for ten seconds stops its sender, and gets every byte in the end', async () => {
    const { written } = await pressed;
    // What the kernel takes at five sockets, and the proxy's one write: far from what ten seconds would have brought.
    expect(written).toBeLessThan(64 << 20);
    expect(residentMegabytes(world.proxy.pid)).toBeLessThan(200);
    const released = world.app.do<{ bytes: number }>('release');
    await world.client.do('endPressing');
    // "last words" are ten bytes.
    expect((await released).bytes).toBe(written + 10);
    expect(await world.flags(1)).toEqual(new Set(['-']));
  });

  test('600 MB up and down, compared by sha256', async () => {
    const bytes = 600 << 20;
    const up = await world.client.do<{ sent: string; arrived: { digest: string; bytes: number } }>('up', {
      ...to(8086),
      bytes,
    });
    expect(up.arrived).toEqual({ bytes, digest: up.sent });
    expect(await world.line()).toMatchObject({ bytes_received: bytes, response_flags: '-' });
    const down = await world.client.do<{ arrived: { digest: string; bytes: number } }>('down', { ...to(8087), bytes });
    expect(down.arrived).toEqual(up.arrived);
    expect(await world.line()).toMatchObject({ bytes_sent: bytes, response_flags: '-' });
  });

  test('an upstream that does not answer: a RST after the connect timeout', async () => {
    world.pair.client.must(['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '9999', '-j', 'DROP']);
    const outcome = await world.app.do<Outcome>('ask', { to: { host: CLIENT.ipv4, port: 9999 } });
    expect(outcome).toMatchObject({ ending: 'ECONNRESET' });
    expect((await world.line()).upstream_transport_failure_reason).toBe('no answer within 3000 ms');
  });

  test('SIGTERM: readiness fails first, what is open may end, the rest is reset', async () => {
    const hanging = world.client.do<Outcome>('hang', { ...to(8084), say: ' patient' });
    await sleep(50);
    const report = world.proxy.drain();
    await sleep(100);
    const readiness = await world.client.do<Outcome>('ask', { to: { host: POD.ipv4, port: 15021 }, say: READY });
    expect(readiness.answer).toMatch(/^HTTP\/1.1 503 /);
    // Still within the notice: connections are taken, and served.
    expect(told(await world.client.do<Outcome>('ask', { ...to(8080), say: 'late' })).said).toBe('late');
    await sleep(300);
    expect(await world.client.do('ask', to(8080))).toMatchObject({ ending: 'ECONNREFUSED', connected: false });
    expect(await hanging).toMatchObject({ ending: 'ECONNRESET' });
    expect(await report).toEqual({ ended: 0, reset: 1, logLinesDropped: 0 });
    expect(world.proxy.lines.at(-1)).toMatchObject({ response_flags: 'LR' });
  });
});

test.each(ENGINES)(
  'engine %s: a new proxy takes the place of the old one, and no connection is refused or reset',
  async (engine) => {
    const world = await World.open(WAYS[0]!.options, 'istio', { engine });
    const { pod } = world.pair;
    await world.app.do('serve', { port: 8080, as: 'tell' });
    const patient = world.client.do<Outcome>('slowly', { to: { host: POD.ipv4, port: 8080 }, pause: 1500 });
    // However long it takes until the last of them is there.
    let over = false;
    const calls = async () => {
      let served = 0;
      for (const count = 300; !over; served += count)
        expect(await world.client.do('many', { to: { host: POD.ipv4, port: 8080 }, count, together: 20 })).toEqual({
          served: count,
        });
      return served;
    };
    const many = calls();
    const proxies = [world.proxy];
    const mark = pod.manyUsers ? {} : { mark: PROXY_MARK };
    const become = pod.manyUsers ? { uid: 1337 } : {};
    await world.proxy.line(50);
    // From several listening sockets to fewer, and to more.
    for (const workers of [1, 3, 2]) {
      const fresh = await startProxyIn(pod, { engine, workers, takeOver: true, ...mark }, become);
      proxies.push(fresh);
      await fresh.line(50);
    }
    over = true;
    const count = await many;
    expect(JSON.parse((await patient).answer).said).toBe('one two');
    const lines = () => proxies.flatMap((proxy) => proxy.lines.map(({ response_flags }) => response_flags));
    await expect.poll(() => lines().length).toBe(count + 1);
    expect(new Set(lines())).toEqual(new Set(['-']));
    await expect.poll(() => proxies.slice(0, -1).map((proxy) => proxy.alive())).toEqual([false, false, false]);
    for (const proxy of proxies) proxy.close();
    world.close();
  },
);

/** Takes all the memory for pipes that a user may have, and more pipes than that. */
const HOARD = `
  const koffi = require('koffi');
  const libc = koffi.load(null);
  const pipe2 = libc.func('int pipe2(_Out_ int *, int)');
  const fcntl = libc.func('int fcntl(int, int, int)');
  const most = 1 << 20;
  for (let count = 0; count < 400; count += 1) {
    const pair = [0, 0];
    if (pipe2(pair, 0) === 0) fcntl(pair[1], 1031, most);
  }
  console.log('full');
  setInterval(() => {}, 1000);`;

test.runIf(process.getuid?.() === 0)(
  'a user whose memory for pipes is used up: bulk is read and written instead',
  async () => {
    const world = await World.open({}, 'istio', { engine: 'epoll' });
    const hoard = world.pair.pod.start([process.execPath, '-e', HOARD], {
      uid: 1337,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(hoard.stdout!, 'data');
    await world.app.do('serve', { port: 8086, as: 'digest' });
    const before = world.proxy.descriptors();
    const bytes = 64 << 20;
    const to = { host: POD.ipv4, port: 8086 };
    const up = await world.client.do<{ sent: string; arrived: { digest: string; bytes: number } }>('up', { to, bytes });
    expect(up.arrived).toEqual({ bytes, digest: up.sent });
    expect(await world.line()).toMatchObject({ bytes_received: bytes, response_flags: '-' });
    // No pipe was kept.
    await expect.poll(() => world.proxy.descriptors()).toBeLessThanOrEqual(before);
    hoard.kill('SIGKILL');
    world.close();
  },
);

test.each(ENGINES)(
  'engine %s: a proxy that its rules do not leave out refuses its own connection instead of looping',
  async (engine) => {
    const pair = await openPair();
    const app = startPeer(pair.pod);
    loadIstio(pair.pod, ['-m mark --mark 0x9999']);
    const proxy = await startProxyIn(pair.pod, { readinessPort: 'none', engine });
    const { ending } = await app.do<Outcome>('ask', { to: { host: CLIENT.ipv4, port: 9090 } });
    expect(ending).toBe('ECONNRESET');
    await proxy.line(2);
    await sleep(50);
    // The refused one, and the one that was opened for nothing: its RST comes before the proxy has seen that it is connected, or after.
    const flags = proxy.lines.map(({ response_flags }) => response_flags).sort();
    expect(flags[0]).toBe('NR');
    expect(['UF,URX', 'UC']).toContain(flags[1]);
    const refused = proxy.lines.find(({ response_flags }) => response_flags === 'NR');
    expect(refused?.connection_termination_details).toContain('loop: ');
    for (const { close } of [proxy, app, pair]) close();
  },
);

test.each(ENGINES)('engine %s: without any rule there is no original destination', async (engine) => {
  const pair = await openPair();
  const [client, proxy] = [startPeer(pair.client), await startProxyIn(pair.pod, { engine })];
  for (const host of [POD.ipv4, POD.ipv6]) {
    expect(await client.do<Outcome>('ask', { to: { host, port: 15006 } })).toMatchObject({ ending: 'ECONNRESET' });
  }
  expect((await proxy.line(2)).connection_termination_details).toContain('this namespace has no NAT');
  for (const { close } of [proxy, client, pair]) close();
});

describe.each(ENGINES)('engine %s: what cannot start says so', (engine) => {
  const refused = async (scratch: Scratch, config: ProxyConfig, become = {}) =>
    await startProxyIn(scratch, { ...config, engine }, become).then(
      () => expect.fail('it started'),
      (error: Error & { hint: string }) => ({ name: error.name, message: error.message, hint: error.hint }),
    );
  let pair: Pair;
  beforeAll(async () => {
    pair = await openPair();
  });
  afterAll(() => pair?.close());

  test('a port in use: which, by whom, and what to do', async () => {
    const other = await startProxyIn(pair.pod, { ...ALONE, engine });
    expect(await refused(pair.pod, {})).toEqual({
      name: 'PortUnavailable',
      message: `port 15001 (outbound) is in use by node (pid ${other.pid})`,
      hint: `stop it (kill ${other.pid}), or choose another port and point the rules there`,
    });
    expect((await refused(pair.pod, { outboundPort: 15011, mode: 'TPROXY' })).message).toContain(
      'port 15006 (inbound) is in use',
    );
    other.close();
  });

  test('an address that cannot be listened on: why, and what to do', async () => {
    expect((await refused(pair.pod, { address: '192.0.2.1' })).hint).toContain('no such address');
    expect((await refused(pair.pod, { address: 'fe80::1' })).hint).toContain('fe80::1%eth0');
  });

  test('nothing stays open when the second port is taken', async () => {
    const app = startPeer(pair.pod);
    await app.do('serve', { port: 15006, as: 'hold' });
    await refused(pair.pod, {});
    await app.do('serve', { port: 15001, as: 'hold' });
    app.close();
  });

  test.runIf(process.getuid?.() === 0)('no permission: the capability, and what to do', async () => {
    const user = { uid: 1337 };
    const tproxy = await refused(pair.pod, { mode: 'TPROXY' }, user);
    expect(tproxy).toMatchObject({
      name: 'ProxyNotPermitted',
      message: expect.stringContaining('CAP_NET_ADMIN') as string,
    });
    expect(tproxy.hint).toContain('REDIRECT');
    expect((await refused(pair.pod, { mark: 5 }, user)).message).toContain('SO_MARK');
    expect((await refused(pair.pod, { inboundSource: 'client' }, user)).message).toContain('IP_TRANSPARENT');
    pair.pod.must(['sh', '-c', 'echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start']);
    const low = await refused(pair.pod, { outboundPort: 443 }, user);
    expect(low).toMatchObject({ name: 'PortUnavailable', message: 'port 443 (outbound): not permitted' });
    expect(low.hint).toContain('CAP_NET_BIND_SERVICE');
  });

  test('without IPv6 it listens on IPv4', async () => {
    pair.pod.must(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    const proxy = await startProxyIn(pair.pod, { engine });
    const client = startPeer(pair.client);
    expect(await client.do('ask', { to: { host: POD.ipv4, port: 15001 } })).toMatchObject({ ending: 'ECONNRESET' });
    for (const { close } of [proxy, client]) close();
  });
});
