import { fork } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { NOTHING, sum } from './trial.ts';
/** Rule sets that a worker gets at once: some thousand packets. */
const chunkOf = ({ packets }) => Math.max(1, Math.round(5000 / packets));
/** Runs a plan in processes of their own, and tells of each chunk. Takes up what `plan.state` holds. */
export async function runCampaign(plan, tell) {
    const before = readState(plan);
    const done = new Set(before.done);
    const begun = Date.now();
    let { tally } = before;
    const seconds = () => before.seconds + (Date.now() - begun) / 1000;
    const size = chunkOf(plan);
    const chunks = Math.ceil(plan.rules / size);
    const waiting = Array.from({ length: chunks }, (_, chunk) => chunk).filter((chunk) => !done.has(chunk));
    const work = async () => {
        const worker = fork(process.argv[1], ['--worker']);
        try {
            for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
                const { backend, seed, packets } = plan;
                const order = { backend, seed, packets, from: chunk * size, to: Math.min(plan.rules, (chunk + 1) * size) };
                const part = await ask(worker, order);
                tally = sum(tally, part);
                done.add(chunk);
                writeState(plan, { plan: identity(plan), done: [...done], tally, seconds: seconds() });
                tell({ tally, seconds: seconds() });
            }
        }
        finally {
            worker.kill();
        }
    };
    await Promise.all(Array.from({ length: Math.min(plan.workers, waiting.length) }, work));
    return { tally, seconds: seconds() };
}
/** Milliseconds for a chunk: much longer than the busiest machine needs. */
const PATIENCE = 600_000;
const ask = (worker, order) => new Promise((resolve, reject) => {
    const gone = (code) => reject(new Error(`a worker ended (${code}) in rule sets ${order.from}–${order.to}`));
    const silent = setTimeout(() => reject(new Error(`a worker is silent in rule sets ${order.from}–${order.to}`)), PATIENCE);
    worker.once('exit', gone);
    worker.once('message', (tally) => {
        worker.off('exit', gone);
        clearTimeout(silent);
        resolve(tally);
    });
    worker.send(order);
});
const identity = ({ backend, seed, rules, packets }) => ({ backend, seed, rules, packets });
function readState(plan) {
    const fresh = { plan: identity(plan), done: [], tally: NOTHING, seconds: 0 };
    if (plan.state === undefined || !existsSync(plan.state))
        return fresh;
    const state = stateIn(readFileSync(plan.state, 'utf8'));
    if (!state)
        throw new NotResumed(`${plan.state} holds no run to go on with. Name a file that does not exist yet.`);
    const [theirs, own] = [wordsOf(state.plan), wordsOf(identity(plan))];
    if (theirs !== own)
        throw new NotResumed(`${plan.state} is of another run: ${theirs}. This one is: ${own}`);
    return state;
}
/** The file that was named is not one to go on with. */
export class NotResumed extends Error {
}
function stateIn(text) {
    try {
        const state = JSON.parse(text);
        return state?.plan && state.tally && Array.isArray(state.done) ? state : undefined;
    }
    catch {
        return undefined;
    }
}
/** A plan as the options that ask for it. */
const wordsOf = (plan) => Object.entries(plan)
    .map(([name, value]) => `--${name} ${value}`)
    .join(' ');
function writeState({ state: file }, state) {
    if (file === undefined)
        return;
    writeFileSync(`${file}.new`, JSON.stringify(state));
    renameSync(`${file}.new`, file);
}
