// A client and a pod on a veth pair, the backend in the pod, and a rule for each contender that sends its port to the proxy. What is
// run here dies with this process, and the kernel takes the namespaces apart.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openScratch } from '../../dist/linux/index.js';

export const CLIENT = '10.0.0.9';
export const POD = '10.0.0.5';
/** Where the backend answers without a proxy. */
export const DIRECT = 8080;

const program = (name) => fileURLToPath(new URL(name, import.meta.url));

const batch = (scratch, lines) => scratch.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });

/** Ports enough for connections that come and go, and none kept for a minute after: else the tables fill. */
const SETTINGS = {
  'net.ipv4.ip_local_port_range': '1024 65535',
  'net.ipv4.ip_local_reserved_ports': '8080-8300,15100-16400',
  'net.ipv4.tcp_tw_reuse': '1',
  'net.core.somaxconn': '4096',
  'net.netfilter.nf_conntrack_tcp_timeout_time_wait': '1',
  'net.netfilter.nf_conntrack_tcp_timeout_close': '1',
};

/** `redirected`: the ports that are turned to a proxy, each with the proxy's own. */
export async function openStage(redirected) {
  const client = await openScratch();
  const pod = await client.beside();
  const port = ['link set lo up', 'link set eth0 up'];
  batch(client, [
    `link add eth0 type veth peer name eth0 netns ${pod.pid}`,
    `address add ${CLIENT}/24 dev eth0`,
    ...port,
  ]);
  batch(pod, [`address add ${POD}/24 dev eth0`, ...port, `route add default via ${CLIENT}`]);
  const rules = redirected.map(
    ([from, to]) => `-A PREROUTING -p tcp -m tcp --dport ${from} -j REDIRECT --to-ports ${to}`,
  );
  pod.must(['iptables-restore'], { input: `*nat\n${rules.join('\n')}\nCOMMIT\n` });
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`);
  // Not every kernel lets each namespace have each of them: what cannot be set stays as it is.
  for (const where of [client, pod]) where.run(['sysctl', '-q', '-e', '-w', ...settings]);
  const ports = [DIRECT, ...redirected.map(([from]) => from)];
  const backend = await speaking(pod.start([process.execPath, program('backend.js'), ...ports.map(String)]));
  const load = await speaking(client.start([process.execPath, program('load.js'), POD]));
  return {
    client,
    pod,
    backend: backend.child,
    load: load.child,
    /** Runs one measurement in the client's namespace. */
    ask: (order) => load.ask(order),
    close() {
      for (const { child } of [load, backend]) child.kill('SIGKILL');
      pod.close();
      client.close();
    },
  };
}

/** A program that says a line of JSON when it is ready, and one for each line that it is given. */
async function speaking(child) {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-2000);
  });
  child.stdin.on('error', () => {});
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`a program of the bench ended: ${said.trim()}`);
    return JSON.parse(value);
  };
  await next();
  return {
    child,
    ask(order) {
      child.stdin.write(`${JSON.stringify(order)}\n`);
      return next();
    },
  };
}
