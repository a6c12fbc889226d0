import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { NotResumed, runCampaign } from './campaign.ts';
import { differingCases } from './cases.ts';
import { runChange } from './changes.ts';
import { BACKENDS } from './loaded.ts';
import { readGrounds } from './session.ts';
import { NOTHING, runTrial, sum } from './trial.ts';
const HELP = `npm run differential -- [--backend nft|legacy|native] [--rules N] [--packets N] [--seed N] [--workers N] [--resume FILE] [--at-least N] [--changes [--from N]]

Random rule sets in fresh network namespaces, packets at their boundaries; the kernel's own account of each packet
is compared with Sidestep's walk, step by step; rules of the legacy back end tell nothing, so their counters are compared.
Needs root. Exit status 1 where they differ, or where fewer than
--at-least packets were compared. --cases replays test/cases/differential instead. --changes loads pairs of rule sets, a few lines apart, and
compares which packets the kernel treats differently with those that Sidestep's difference of the two names; --from is the first pair.
`;
if (process.argv.includes('--worker'))
    await serve();
else
    process.exitCode = await run();
/** A worker: trials by order, for as long as orders come. */
async function serve() {
    const grounds = new Map();
    process.on('message', async ({ backend, seed, from, to, packets }) => {
        const here = grounds.get(backend) ?? readGrounds(backend);
        grounds.set(backend, here);
        let tally = NOTHING;
        for (let number = from; number < to; number += 1)
            tally = sum(tally, runTrial(await here, seed, number, packets));
        process.send?.(tally);
    });
}
async function run() {
    const { values } = parseArgs({
        options: {
            rules: { type: 'string', default: '200' },
            packets: { type: 'string', default: '500' },
            backend: { type: 'string', default: BACKENDS[0] },
            seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
            // Twice as many as processors: to take a namespace apart is mostly waiting.
            workers: { type: 'string', default: String(2 * availableParallelism()) },
            resume: { type: 'string' },
            'at-least': { type: 'string', default: '1' },
            cases: { type: 'boolean', default: false },
            changes: { type: 'boolean', default: false },
            from: { type: 'string', default: '0' },
            help: { type: 'boolean', default: false },
        },
    });
    if (values.help) {
        process.stdout.write(HELP);
        return 0;
    }
    if (process.getuid?.() !== 0) {
        process.stderr.write('the differential harness makes network namespaces of its own: run it as root\n');
        return 3;
    }
    if (values.cases) {
        const differing = differingCases((await Promise.all(BACKENDS.map(readGrounds))).flat());
        process.stdout.write(differing.map((text) => `${text}\n`).join(''));
        return differing.length > 0 ? 1 : 0;
    }
    if (values.changes)
        return comparePairs(values);
    const backend = BACKENDS.find((name) => name === values.backend);
    if (backend === undefined) {
        process.stderr.write(`--backend is one of ${BACKENDS.join(', ')}\n`);
        return 2;
    }
    const plan = {
        backend,
        seed: Number(values.seed),
        rules: Number(values.rules),
        packets: Number(values.packets),
        workers: Number(values.workers),
        state: values.resume,
    };
    process.stderr.write(`seed ${plan.seed}: ${plan.rules} rule sets, ${plan.packets} packets each, ${plan.workers} processes\n`);
    const result = await runCampaign(plan, progress(plan.rules)).catch((error) => {
        if (!(error instanceof NotResumed))
            throw error;
        process.stderr.write(`${error.message}\n`);
    });
    if (!result)
        return 2;
    if (process.stderr.isTTY)
        process.stderr.write('\n');
    process.stdout.write(report(result));
    const { agreed, differing } = result.tally;
    const wanted = Number(values['at-least']);
    if (agreed < wanted)
        process.stderr.write(`only ${agreed} packets were compared, not ${wanted}\n`);
    return differing > 0 || agreed < wanted ? 1 : 0;
}
/** Pairs of rule sets in the kernel, one after the other. */
async function comparePairs(values) {
    const grounds = await readGrounds(BACKENDS[0]);
    const first = Number(values.from);
    let [refused, packets, moved, surely] = [0, 0, 0, 0];
    const differing = [];
    for (let pair = first; pair < first + Number(values.rules); pair += 1) {
        const tally = runChange(grounds, Number(values.seed), pair, Number(values.packets));
        refused += tally.refused;
        packets += tally.packets;
        moved += tally.moved;
        surely += tally.surely;
        differing.push(...tally.differing);
    }
    process.stdout.write(differing.map((text) => `${text}\n`).join(''));
    process.stdout.write(`seed ${values.seed}: ${values.rules} pairs, ${refused} of them refused, ${packets} packets, ${moved} end elsewhere as was said, ${surely} of them surely, ${differing.length} differ\n`);
    return differing.length > 0 || surely < Number(values['at-least']) ? 1 : 0;
}
/** A bar on a terminal, a line every ten seconds elsewhere. */
function progress(rules) {
    let last = 0;
    return ({ tally, seconds }) => {
        const { sets, agreed, differing } = tally;
        const words = `${sets}/${rules} rule sets, ${agreed} packets agree, ${differing} differ, ${Math.round(agreed / seconds)}/s`;
        if (process.stderr.isTTY) {
            const full = Math.round((sets / rules) * 30);
            process.stderr.write(`\r[${'#'.repeat(full)}${' '.repeat(30 - full)}] ${words}\x1b[K`);
        }
        else if (seconds - last >= 10) {
            last = seconds;
            process.stderr.write(`${words}\n`);
        }
    };
}
function report({ tally, seconds }) {
    const rows = Object.entries(tally.extensions).sort((a, b) => a[1] - b[1] || a[0].localeCompare(b[0]));
    const lines = [
        ...rows.map(([name, count]) => `${String(count).padStart(7)}  ${name}`),
        '',
        `${tally.sets} rule sets in ${Math.round(seconds)} s, ${tally.refused} refused by a tool`,
        `${tally.agreed} (packet, path) comparisons agree, ${Math.round(tally.agreed / seconds)} a second`,
        `${tally.partly} more agree as far as Sidestep says that it knows`,
        `${tally.clashed} went another way only because nat had given their tuple away; alone they agree`,
        `${tally.differing} differ`,
        ...tally.refusals.map((text) => `\nrefused: ${text}`),
        ...tally.mismatches.map((text) => `\n${text}`),
    ];
    return `${lines.join('\n')}\n`;
}
