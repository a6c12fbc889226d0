import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
/** Milliseconds for what a caller has begun: its longest connection takes a few seconds. */
const LONGEST = 40_000;
const NOTHING = { connections: 0, right: 0, reset: 0, bytes: 0, open: 0 };
export async function startParty(scratch, name, args, options) {
    const [shorts, wrong, away] = [[], [], []];
    let before = NOTHING;
    let now = NOTHING;
    let life = 0;
    let child;
    const begin = async () => {
        life += 1;
        const program = [process.execPath, resolve('test/churn/party.js'), ...args(life)];
        child = scratch.start(program, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
        await new Promise((ready) => {
            createInterface({ input: child.stdout }).on('line', (text) => {
                const line = JSON.parse(text);
                if (line.tally)
                    now = line.tally;
                else if (line.short)
                    shorts.push(line.short);
                else if (line.wrong)
                    wrong.push(line.wrong);
                else
                    ready();
            });
        });
    };
    const gone = () => {
        before = sum(before, { ...now, open: 0 });
        now = NOTHING;
    };
    await begin();
    return {
        ...{ name, shorts, wrong, away },
        counted: () => sum(before, now),
        async kill() {
            const absence = { from: Date.now(), until: Number.POSITIVE_INFINITY };
            away.push(absence);
            child.kill('SIGKILL');
            await once(child, 'exit');
            gone();
            await begin();
            absence.until = Date.now();
        },
        async finish() {
            const ended = once(child, 'exit').then(() => true);
            child.kill('SIGTERM');
            return await Promise.race([ended, sleep(LONGEST, false, { ref: false })]);
        },
        close: () => void child.kill('SIGKILL'),
    };
}
const sum = (a, b) => ({
    connections: a.connections + b.connections,
    right: a.right + b.right,
    reset: a.reset + b.reset,
    bytes: a.bytes + b.bytes,
    open: a.open + b.open,
});
