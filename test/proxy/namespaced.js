import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { probeFrom } from '../../dist/proxy/index.js';
const PEER = fileURLToPath(new URL('./peer.js', import.meta.url));
export function startPeer(scratch, options = {}) {
    const child = scratch.start([process.execPath, PEER], { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
    const waiting = new Map();
    let last = 0;
    createInterface({ input: child.stdout }).on('line', (text) => {
        const line = JSON.parse(text);
        waiting.get(line.id)?.(line);
        waiting.delete(line.id);
    });
    return {
        do(command, given = {}) {
            last += 1;
            child.stdin.write(`${JSON.stringify({ id: last, command, ...given })}\n`);
            return new Promise((resolve, reject) => {
                waiting.set(last, ({ answer, error }) => (error ? reject(new Error(error)) : resolve(answer)));
            });
        },
        close: () => void child.kill('SIGKILL'),
    };
}
const DIST = new URL('../../dist/proxy/index.js', import.meta.url).href;
/** Access log on standard output; `ready` and at the end the report of the drain on descriptor 3. */
const PROGRAM = (config) => `
  import { createWriteStream } from 'node:fs';
  import { startProxy } from ${JSON.stringify(DIST)};
  const told = createWriteStream('', { fd: 3 });
  try {
    const proxy = await startProxy({ ...${JSON.stringify(config)}, accessLog: process.stdout });
    process.once('SIGTERM', async () => told.end(JSON.stringify(await proxy.drain())));
    told.write('ready\\n');
  } catch (error) {
    told.end(JSON.stringify({ name: error.name, message: error.message, hint: error.hint }) + '\\n');
  }`;
export async function startProxyIn(scratch, config, become = {}) {
    const { uid, gid } = become;
    const command = [process.execPath, '--input-type=module', '-e', PROGRAM(config)];
    const child = scratch.start(gid === undefined ? command : ['setpriv', `--regid=${gid}`, '--clear-groups', '--', ...command], { ...(uid === undefined ? {} : { uid }), stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
    const lines = [];
    createInterface({ input: child.stdout }).on('line', (text) => lines.push(JSON.parse(text)));
    const told = [];
    createInterface({ input: child.stdio[3] }).on('line', (text) => told.push(text));
    const exited = new Promise((resolve) => child.once('exit', () => resolve()));
    while (told.length === 0 && child.exitCode === null)
        await sleep(5);
    if (told[0] !== 'ready') {
        throw Object.assign(new Error('the proxy did not start'), JSON.parse(told[0] ?? '{}'));
    }
    return {
        pid: child.pid,
        lines,
        async line(count) {
            for (let tries = 0; tries < 400; tries += 1) {
                const line = lines[count - 1];
                if (line)
                    return line;
                await sleep(10);
            }
            throw new Error(`the access log has ${lines.length} lines, not ${count}`);
        },
        descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
        async drain() {
            child.kill('SIGTERM');
            await exited;
            await sleep(10);
            return JSON.parse(told.at(-1));
        },
        alive: () => child.exitCode === null,
        close: () => void child.kill('SIGKILL'),
    };
}
/** Runs a probe of the interception in a namespace, as one of its users. */
export function probeIn(scratch, asked, become = {}) {
    const { uid } = become;
    const user = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
    return probeFrom([...scratch.enter, ...user], asked);
}
