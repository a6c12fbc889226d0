import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSnapshot } from '../../src/linux/index.ts';
import { clockAt, compile, makePacket, predicateOf, timeOfDayWord } from '../../src/netfilter/index.ts';
import { parseRule, parseSnapshot, printSnapshot } from '../../src/text/index.ts';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { namespaceOf } from '../support/change.ts';
import { openScratch } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
// What rules ask of the clock, against the kernel's own: one packet, sent now, through rules around the present time.
const notRoot = process.getuid?.() !== 0;
const DAY = 86_400;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const now = () => Math.floor(Date.now() / 1000);
let pod;
beforeEach(async () => {
    pod = await openScratch();
    pod.must(['ip', 'link', 'set', 'lo', 'up']);
});
afterEach(() => pod.close());
/** Sends a packet; gives what was counted, and the second in which it was sent: once more where that second passed. */
function countedWithin(load, counts) {
    for (let tries = 0; tries < 20; tries += 1) {
        load(now());
        const time = now();
        pod.must(['bash', '-c', 'echo > /dev/udp/127.0.0.1/9']);
        if (now() === time)
            return { time, counted: counts() };
    }
    throw new Error('a packet takes more than a second');
}
const clockWord = (time) => timeOfDayWord((time + DAY) % DAY);
const dayOf = (time) => DAYS[new Date(time * 1000).getUTCDay()];
const monthDayOf = (time) => new Date(time * 1000).getUTCDate();
const dateOf = (time) => new Date(time * 1000).toISOString().slice(0, 19);
/** Every span of the day between some times around now, on every choice of days. */
function timeRules(time) {
    const times = [-7200, -60, 0, 60, 7200].map((offset) => time + offset);
    const [yesterday, tomorrow] = [time - DAY, time + DAY];
    const days = [
        '',
        ...[time, yesterday, tomorrow].flatMap((day) => [`--weekdays ${dayOf(day)}`, `--monthdays ${monthDayOf(day)}`]),
        `! --weekdays ${dayOf(time)}`,
        `! --monthdays ${monthDayOf(yesterday)}`,
        `--weekdays ${dayOf(time)},${dayOf(yesterday)} --monthdays ${monthDayOf(tomorrow)},${monthDayOf(yesterday)}`,
    ];
    const spans = times.flatMap((from) => times.map((until) => `--timestart ${clockWord(from)} --timestop ${clockWord(until)}`));
    const periodic = ['', ...spans].flatMap((span) => days.map((day) => `${span} ${day}`));
    const dates = times.flatMap((at) => [`--datestart ${dateOf(at)}`, `--datestop ${dateOf(at)}`]);
    return [
        ...periodic.flatMap((rule) => [rule, `${rule} --kerneltz`, ...(wraps(rule) ? [`${rule} --contiguous`] : [])]),
        ...dates,
        `${spans[4]} --datestop ${dateOf(tomorrow)}`,
    ].map((rule) => `-m time ${rule.trim()}`);
}
const wraps = (rule) => {
    const [, from = '', until = ''] = /--timestart (\S+) --timestop (\S+)/.exec(rule) ?? [];
    return from > until;
};
describe.skipIf(notRoot)('the clock', () => {
    test.for(['nft', 'legacy'])('-m time, %s', (backend) => {
        let rules = [];
        const counts = () => [...pod.must([`iptables-${backend}-save`, '-c', '-t', 'raw']).matchAll(/^\[(\d+):\d+\] -A/gm)].map(([, count]) => Number(count));
        const { time, counted } = countedWithin((at) => {
            rules = timeRules(at);
            const lines = rules.map((rule) => `-A OUTPUT -p udp ${rule}\n`).join('');
            pod.must([`iptables-${backend}-restore`], { input: `*raw\n${lines}COMMIT\n` });
        }, counts);
        const packet = makePacket({ family: 'ipv4', destination: 0x7f00_0001, ...clockAt(time), kernelZone: 0 });
        const told = rules.map((rule) => compile(predicateOf(parseRule(rule, { family: 'ipv4', table: 'raw' }), 'ipv4'))(packet));
        expect(rules.map((rule, index) => `${rule}: ${told[index] ? 1 : 0}`)).toEqual(rules.map((rule, index) => `${rule}: ${counted[index]}`));
        expect(new Set(told)).toEqual(new Set([true, false]));
    });
    test('nft: meta hour, meta day, meta time, in whatever time zone they were written', async () => {
        const counts = () => [...pod.must(['nft', 'list', 'table', 'ip', 't']).matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
        let rules = [];
        const { time, counted } = countedWithin((at) => {
            rules = loadClockRules(at);
        }, counts);
        const snapshot = await readSnapshot(namespaceOf(pod));
        // A snapshot that was written down says the same.
        for (const from of [snapshot, parseSnapshot(printSnapshot(snapshot))]) {
            const question = parseQuestion(`self udp 127.0.0.1 > 127.0.0.1:9 at ${dateOf(time)}Z`, from);
            const steps = prepare(from, [])(question).steps.filter((step) => step.kind === 'rule');
            expect(steps.map(({ answer }, index) => `${rules[index]}: ${answer === 'matched' ? 1 : 0}`)).toEqual(rules.map((rule, index) => `${rule}: ${counted[index]}`));
            expect(steps.map(({ answer }) => answer)).not.toContain('undecided');
        }
        expect(new Set(counted)).toEqual(new Set([0, 1]));
        const listed = pod.must([process.execPath, SIDESTEP, 'list'], { env: { TZ: 'EST5', NO_COLOR: '1' } });
        expect(listed).toContain('nftables, table ip t  times are in UTC');
    });
});
/** Rules around a time, some of them written by somebody in New York. */
function loadClockRules(time) {
    const hours = [-7200, -60, 60, 7200].map((offset) => clockWord(time + offset)).sort();
    const spans = hours.flatMap((from, index) => hours.slice(index + 1).map((until) => `"${from}"-"${until}"`));
    const days = [time - DAY, time, time + DAY].map((day) => `"${new Date(day * 1000).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' })}"`);
    const dates = [-DAY, -60, 60, DAY].map((offset) => `"${dateOf(time + offset).replace('T', ' ')}"`);
    const rules = [
        ...spans.flatMap((span) => [`meta hour ${span}`, `meta hour != ${span}`]),
        ...['<', '<=', '>', '>=', '!=', '=='].flatMap((operator) => [
            ...hours.map((hour) => `meta hour ${operator} "${hour}"`),
            ...days.map((day) => `meta day ${operator} ${day}`),
            ...dates.map((date) => `meta time ${operator} ${date}`),
        ]),
        `meta hour { ${spans[0]}, "${hours[3]}" }`,
        `meta day { ${days.join(', ')} }`,
        `meta day != { ${days[0]}, ${days[2]} }`,
        `meta time ${dates[0]}-${dates[1]}`,
        `meta time ${dates[0]}-${dates[2]}`,
        `meta time != ${dates[1]}-${dates[3]}`,
        `meta day . meta hour { ${days[1]} . ${spans[0]}, ${days[1]} . "${hours[2]}" }`,
    ];
    const chain = (lines) => lines.map((rule) => `add rule ip t c udp dport 9 ${rule} counter\n`).join('');
    // (The kernel's answer, that nobody listens, passes here too.)
    const head = 'table ip t\ndelete table ip t\ntable ip t { chain c { type filter hook output priority 0; }\n}\n';
    pod.must(['nft', '-f', '-'], { input: `${head}${chain(rules)}`, env: { TZ: 'UTC0' } });
    const there = [...dates.map((date) => `meta time > ${date}`), ...hours.map((hour) => `meta hour < "${hour}"`)];
    pod.must(['nft', '-f', '-'], { input: chain(there), env: { TZ: 'EST5' } });
    return [...rules, ...there];
}
