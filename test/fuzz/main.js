import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { escapeControl } from '../../src/text/index.ts';
import { inputOf } from './attempt.ts';
import { added, runCampaign } from './campaign.ts';
import { FORMATS } from './formats.ts';
const HELP = `npm run fuzz -- [--minutes N] [--seed N] [--format NAME] [--from N]

Texts of every format that Sidestep reads, with something wrong with them. Each is read, and what was read is printed,
summed up and followed with two packets. Allowed are an answer and diagnostics with a place, within a second of processor
time for reading and four for all of it. Anything else is a failure: it is made small, saved to a file and printed. Exit
status 1 where there is one.

Formats: ${FORMATS.map(({ name }) => name).join(', ')}
`;
/** An input that takes so long will not end. */
const HANG_SECONDS = 60;
/** No input may need more. */
const MOST_MEGABYTES = 1024;
const formatsOf = (name) => FORMATS.filter((format) => name === undefined || format.name === name);
if (isMainThread)
    process.exitCode = await run();
else
    serve(workerData);
function serve({ seed, format, from, until, now }) {
    const send = (message) => parentPort?.postMessage(message);
    runCampaign({
        seed,
        formats: formatsOf(format),
        from,
        more: () => Date.now() < until,
        beat: (number) => Atomics.store(now, 0, number),
        count: (name, tally) => send(['count', name, tally]),
        fail: (failure) => send(['fail', failure]),
    });
}
async function run() {
    const { values } = parseArgs({
        options: {
            minutes: { type: 'string', default: '1' },
            seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
            format: { type: 'string' },
            from: { type: 'string', default: '0' },
            help: { type: 'boolean', default: false },
        },
    });
    if (values.help || formatsOf(values.format).length === 0) {
        process.stdout.write(HELP);
        return values.help ? 0 : 2;
    }
    const seed = Number(values.seed);
    process.stderr.write(`seed ${seed}: ${values.minutes} minutes of ${values.format ?? 'every format'}\n`);
    const tallies = new Map();
    const failures = [];
    const until = Date.now() + Number(values.minutes) * 60_000;
    for (let from = Number(values.from); Date.now() < until;) {
        from = await part({ seed, format: values.format, from, until }, tallies, (failure) => {
            failures.push(failure);
            report(failure, seed);
        });
    }
    process.stdout.write(table(tallies));
    process.stdout.write(`${failures.length} failures\n`);
    return failures.length > 0 ? 1 : 0;
}
/** One worker, until the time is over or an input is the end of it. Gives the number to go on from. */
function part(order, tallies, fail) {
    const now = new Int32Array(new SharedArrayBuffer(4));
    const { seed, format, from } = order;
    Atomics.store(now, 0, from);
    const worker = new Worker(fileURLToPath(import.meta.url), {
        workerData: { ...order, now },
        resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
    });
    worker.on('message', (message) => {
        if (message[0] === 'fail')
            fail(message[1]);
        else
            tallies.set(message[1], added(tallies.get(message[1]), message[2]));
    });
    return new Promise((resolve) => {
        let seen = from;
        let since = Date.now();
        const lost = (why) => {
            clearInterval(watch);
            const number = Atomics.load(now, 0);
            const { format: of, text } = inputOf(seed, number, formatsOf(format));
            fail({ format: of.name, number, why, text });
            void worker.terminate().then(() => resolve(number + 1));
        };
        const watch = setInterval(() => {
            const number = Atomics.load(now, 0);
            if (number !== seen)
                [seen, since] = [number, Date.now()];
            if (Date.now() - since > HANG_SECONDS * 1000)
                lost(`did not end within ${HANG_SECONDS} s`);
            else
                progress(tallies);
        }, 2000);
        worker.on('error', (error) => lost(`ended the process: ${error.message}`));
        worker.on('exit', () => {
            clearInterval(watch);
            resolve(Atomics.load(now, 0) + 1);
        });
    });
}
function progress(tallies) {
    const all = [...tallies.values()];
    const inputs = all.reduce((sum, tally) => sum + tally.inputs, 0);
    const slowest = Math.max(0, ...all.map(({ seconds }) => seconds));
    const line = `${inputs} inputs, the slowest ${slowest.toFixed(2)} s`;
    process.stderr.write(process.stderr.isTTY ? `\r${line} ` : `${line}\n`);
}
function table(tallies) {
    const rows = [...tallies].map(([name, { inputs, read, seconds, bytes }]) => [
        name.padEnd(10),
        String(inputs).padStart(9),
        `${Math.round((100 * read) / inputs)} %`.padStart(6),
        `${(bytes / 1e6).toFixed(0)} MB`.padStart(9),
        `${seconds.toFixed(2)} s`.padStart(8),
    ]);
    const head = [
        'format'.padEnd(10),
        'inputs'.padStart(9),
        'read'.padStart(6),
        'text'.padStart(9),
        'slowest'.padStart(8),
    ];
    return [head, ...rows].map((columns) => `${columns.join('  ')}\n`).join('');
}
/** Says what failed, and leaves it in a file. The text is not trusted: it is shown escaped. */
function report({ format, number, why, text }, seed) {
    const folder = join('node_modules', '.cache', 'sidestep', 'fuzz');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${format}-${seed}-${number}.txt`);
    writeFileSync(file, text);
    const shown = text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
    process.stdout.write(`\n${format} ${number} (--seed ${seed}): ${escapeControl(why)}\n${file}\n${JSON.stringify(shown)}\n`);
}
