import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { PROXY_MARK } from '../proxy/rules.ts';
export async function startProxyCommand(scratch, engine) {
    const ports = ['--readiness-port', 'none', '--metrics-port', 'none', '--admin-port', 'none'];
    const own = scratch.manyUsers ? [] : ['--mark', `${PROXY_MARK}`];
    const drain = ['--drain-notice', '0', '--drain-timeout', '5s'];
    const command = [
        process.execPath,
        resolve('bin/sidestep.js'),
        'proxy',
        '--engine',
        engine,
        ...ports,
        ...own,
        ...drain,
    ];
    const child = scratch.start(command, {
        ...(scratch.manyUsers ? { uid: 1337 } : {}),
        env: { COLUMNS: '200', NO_COLOR: '1' },
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    const flags = new Map();
    const faults = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
        const [, flag = '?'] = /"response_flags":"([^"]*)"/.exec(line) ?? [];
        flags.set(flag, (flags.get(flag) ?? 0) + 1);
        if (['NR', 'UO', 'LR', 'SI', '?'].includes(flag))
            faults.push(line);
    });
    let said = '';
    await new Promise((ready, failed) => {
        child.stderr.setEncoding('utf8').on('data', (text) => {
            said += text;
            if (said.includes('SIGTERM drains'))
                ready();
        });
        child.once('exit', () => failed(new Error(`the proxy did not start: ${said}`)));
    });
    const of = (file) => `/proc/${child.pid}/${file}`;
    return {
        flags,
        faults,
        said: () => said,
        descriptors() {
            const count = { sockets: 0, pipes: 0, others: 0 };
            for (const fd of readdirSync(of('fd')))
                count[kindOf(of(`fd/${fd}`))] += 1;
            return count;
        },
        resident: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(of('status'), 'utf8'))?.[1]) / 1024,
        async stop() {
            const ended = once(child, 'close');
            child.kill('SIGTERM');
            const [status] = (await ended);
            return status;
        },
        close: () => void child.kill('SIGKILL'),
    };
}
function kindOf(path) {
    try {
        const to = readlinkSync(path);
        return to.startsWith('socket:') ? 'sockets' : to.startsWith('pipe:') ? 'pipes' : 'others';
    }
    catch {
        // Closed in between.
        return 'others';
    }
}
