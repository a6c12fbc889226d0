import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { importImage, layImage, openPodman } from '../support/podman.ts';
const IMAGE = 'localhost/sidestep';
const SIDESTEP = fileURLToPath(new URL('../../bin/sidestep.js', import.meta.url));
const PROGRAMS = '/opt/sidestep/dist/demo';
const asUser = (uid) => ({ runAsUser: uid, runAsGroup: uid });
const container = (name, command, securityContext) => ({
    name,
    image: IMAGE,
    command: [...command],
    securityContext,
});
const init = container('init', ['sidestep', 'init', '--dialect', 'istio-2018', '-p', '15001', '-u', '1337', '-i', '*', '-b', '8080,8888'], { ...asUser(0), capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } });
// An app of the pod's own: it answers with the port it was reached on and the address it was called from.
const APP = `for (const port of [8080, 8888])
  require('node:http').createServer((request, response) => {
    response.setHeader('connection', 'close');
    response.end(JSON.stringify({ port, caller: request.socket.remoteAddress.replace('::ffff:', '') }));
  }).listen(port);`;
const app = container('app', ['node', '-e', APP], asUser(1000));
const sidecar = container('sidecar', ['sidestep', 'proxy', '--dialect', 'istio-2018'], asUser(1337));
/** What `bypass 8888 --manifest init-container` prints. */
function manifest() {
    const args = ['bypass', '8888', '--manifest', 'init-container', '--image', IMAGE];
    const done = spawnSync(process.execPath, [SIDESTEP, ...args], { encoding: 'utf8' });
    expect(done.status, done.stderr).toBe(0);
    const document = parse(done.stdout);
    const [only] = Array.isArray(document) ? document : [document];
    return only;
}
const pod = (name, initContainers) => stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { restartPolicy: 'Never', initContainers, containers: [app, sidecar] },
});
let podman;
let image = '';
beforeAll(async () => {
    image = layImage();
    podman = await openPodman();
    importImage(podman, image, IMAGE);
});
afterAll(() => {
    podman?.close();
    rmSync(image, { recursive: true, force: true });
});
/** The app's answer to a request from outside the pod. */
async function reply(address, port) {
    const program = `${image}${PROGRAMS}/request.js`;
    for (let tries = 0;; tries += 1) {
        const done = podman.run([process.execPath, program, `http://${address}:${port}/`]);
        if (done.status === 0)
            return JSON.parse(done.stdout);
        if (tries > 50)
            throw new Error(`${address}:${port}: ${done.stderr}`);
        await sleep(100);
    }
}
const addressOf = (name) => {
    const infra = podman.podman(['pod', 'inspect', '-f', '{{.InfraContainerID}}', name]).trim();
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    return podman.podman(['inspect', '-f', format, infra]).trim();
};
describe.skipIf(process.getuid?.() !== 0)('a real pod (needs root: Podman makes network bridges)', () => {
    test('without the bypass, both ports are proxied', async () => {
        podman.play(pod('plain', [init]));
        const address = addressOf('plain');
        expect((await reply(address, 8080)).caller).toBe('127.0.0.1');
        expect((await reply(address, 8888)).caller).toBe('127.0.0.1');
    });
    test.for([
        ['after', [init, manifest()]],
        ['before', [manifest(), init]],
    ])('with the bypass %s the mesh’s own init, 8888 is direct and 8080 is proxied', async ([name, containers]) => {
        podman.play(pod(name, containers));
        const address = addressOf(name);
        expect((await reply(address, 8080)).caller).toBe('127.0.0.1');
        const direct = await reply(address, 8888);
        expect(direct.port).toBe(8888);
        expect(direct.caller).not.toBe('127.0.0.1');
    });
    test('a container of the pod is found by its id, whole or begun, and its rules are followed', () => {
        podman.play(pod('found', [init]));
        const id = podman.podman(['inspect', '-f', '{{.Id}}', 'found-app']).trim();
        for (const given of [id, id.slice(0, 12)]) {
            const listed = podman.run([process.execPath, SIDESTEP, 'list', '--container', given]);
            expect(listed.stderr).toBe('');
            expect(listed.stdout).toMatch(/^inbound +tcp :8080 :8888 +→ proxy :15001/);
            expect(listed.stdout).toContain(`container ${id.slice(0, 12)}`);
        }
        const traced = podman.run([process.execPath, SIDESTEP, 'trace', 'in tcp/8888', '--container', id, '-o', 'json']);
        expect(JSON.parse(traced.stdout)).toMatchObject({ outcome: { kind: 'proxy', port: 15001 } });
    });
});
