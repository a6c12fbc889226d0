import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openPair, POD } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
let pair;
afterEach(() => {
    pair?.close();
    pair = undefined;
});
const SOCKETS = new URL('../../dist/linux/socket/index.js', import.meta.url).href;
/** In the pod: an app on 8080, and on 15006 what takes redirected connections and those of TPROXY alike. Each says who it is. */
const LISTENERS = `
  import { createServer } from 'node:net';
  import { openTransparentListener } from ${JSON.stringify(SOCKETS)};
  createServer((socket) => socket.on('error', () => {}).end('app')).listen(8080, '0.0.0.0');
  const fd = openTransparentListener({ family: 'ipv4', address: '0.0.0.0', port: 15006 });
  createServer((socket) => socket.on('error', () => {}).end('proxy')).listen({ fd }, () => console.log('listening'));`;
/** In the client's namespace: one connection after the other until its standard input ends; then how many met whom. */
const CALLS = `
  import { connect } from 'node:net';
  const met = {};
  let over = false;
  process.stdin.resume().on('end', () => { over = true; });
  const call = () => new Promise((done) => {
    let said = '';
    const socket = connect(8080, '${POD.ipv4}');
    const end = (who) => { met[who] = (met[who] ?? 0) + 1; socket.destroy(); done(); };
    socket.setTimeout(1500, () => end('nobody'));
    socket.on('data', (data) => { said += data; }).on('end', () => end(said)).on('error', (error) => end(error.code));
  });
  console.log('calling');
  while (!over) await Promise.all([call(), call(), call()]);
  console.log(JSON.stringify(met));`;
const CONFIGURATIONS = [
    ['-m', 'REDIRECT', '-b', '*', '-i', '*'],
    ['-m', 'TPROXY', '-b', '*', '-i', '*'],
    ['-m', 'REDIRECT', '-b', '8080,9090', '-i', '10.0.0.0/8', '--drop-invalid'],
    ['-m', 'TPROXY', '-b', '*', '-d', '15090', '-i', '*', '--drop-invalid', '-c', 'eth9'],
    ['-m', 'REDIRECT', '-b', '*', '-d', '22', '-i', '*', '-c', 'eth9'],
];
describe.for(['nft', 'legacy'])('from one configuration to the next, %s', (backend) => {
    test.skipIf(process.getuid?.() !== 0)('no connection ever gets past the proxy (root: Istio names uid 1337)', async () => {
        pair = await openPair();
        const { client, pod } = pair;
        const init = (configuration) => {
            const flags = [
                'init',
                '--dialect',
                'istio',
                '-u',
                '1337',
                ...configuration,
                '--reconcile',
                '--backend',
                backend,
            ];
            pod.must([process.execPath, SIDESTEP, ...flags]);
        };
        const listeners = pod.start([process.execPath, '--input-type=module', '-e', LISTENERS]);
        await once(createInterface({ input: listeners.stdout }), 'line');
        init(CONFIGURATIONS[0]);
        const calls = client.start([process.execPath, '--input-type=module', '-e', CALLS]);
        const lines = createInterface({ input: calls.stdout });
        await once(lines, 'line');
        for (const from of CONFIGURATIONS)
            for (const to of CONFIGURATIONS) {
                if (from === to)
                    continue;
                init(from);
                init(to);
            }
        await sleep(100);
        calls.stdin.end();
        const [line] = await once(lines, 'line');
        const met = JSON.parse(line);
        expect(met.proxy).toBeGreaterThan(1000);
        expect(met.app).toBeUndefined();
    });
});
