// npm run churn -- [--minutes N | --seconds N] [--seed N] [--engine epoll|net] [--together N] [--kill-every SECONDS]
import { parseArgs } from 'node:util';
import { churn } from './churn.ts';
const { values } = parseArgs({
    options: {
        minutes: { type: 'string' },
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
        engine: { type: 'string', default: 'epoll' },
        together: { type: 'string', default: '20' },
        'kill-every': { type: 'string', default: '7' },
    },
});
const { minutes, seed, engine, together } = values;
const seconds = minutes === undefined ? Number(values.seconds) : Number(minutes) * 60;
if (![seconds, Number(seed), Number(together)].every((value) => value > 0) || !['epoll', 'net'].includes(engine)) {
    console.error('churn: [--minutes N | --seconds N] [--seed N] [--engine epoll|net] [--together N] [--kill-every SECONDS]');
    process.exit(2);
}
const say = (line) => console.error(line);
say(`engine ${engine}, ${seconds} s, seed ${seed}`);
const { problems, summary } = await churn({
    ...{
        engine: engine,
        seconds,
        seed: Number(seed),
        together: Number(together),
        killEvery: Number(values['kill-every']),
        say,
    },
});
for (const line of summary)
    console.log(line);
for (const problem of problems)
    console.log(`PROBLEM  ${problem}`);
console.log(problems.length === 0 ? 'all is well' : `${problems.length} problems; again: --seed ${seed}`);
process.exit(problems.length === 0 ? 0 : 1);
