import { setTimeout as sleep } from 'node:timers/promises';
import { BY_MARK, BY_OWNER, loadIstio } from '../proxy/rules.ts';
import { openPair, POD } from '../support/namespace.ts';
import { startParty } from './party.ts';
import { startProxyCommand } from './proxy-process.ts';
const PORTS = [8080, 8081];
/** A connection that ended so long before or after a kill may have ended by it: until its end is noticed, a second goes by. */
const LATE = 2500;
/** MB that a process may grow by, beside a tenth: what a heap comes and goes by. */
const SWING = 24;
/**
 * Connections of all kinds through the proxy for so long: large and small, stalled, half-closed, reset by either end, while one end
 * after the other is killed with SIGKILL and begins anew. Every byte is compared with what was sent.
 */
export async function churn(options) {
    const { engine, seconds, seed, together, killEvery, say } = options;
    const pair = await openPair();
    const { client, pod } = pair;
    loadIstio(pod, pod.manyUsers ? BY_OWNER : BY_MARK);
    // Else conntrack keeps what is over for two minutes. Less than a reader stalls would have it forget what is not over.
    for (const where of [client, pod])
        where.run(['sysctl', '-q', '-e', '-w', 'net.netfilter.nf_conntrack_tcp_timeout_time_wait=30']);
    const app = pod.manyUsers ? { uid: 1000 } : {};
    const servers = await Promise.all(PORTS.map((port) => startParty(pod, `server ${port}`, () => ['serve', `${port}`], app)));
    const proxy = await startProxyCommand(pod, engine);
    const before = proxy.descriptors();
    const callers = await Promise.all([1, 2].map((number) => startParty(client, `caller ${number}`, (life) => ['call', POD.ipv4, `${seed * 1000 + number * 100 + life}`, `${together}`, ...PORTS.map(String)], {})));
    const parties = [...servers, ...callers];
    try {
        const resident = await watched(parties, proxy, { seconds, killEvery, seed, say });
        const finished = await Promise.all(callers.map((caller) => caller.finish()));
        const after = await settled(proxy, before.sockets);
        const status = await proxy.stop();
        return verdict({ servers, callers, finished, proxy, before, after, resident, status });
    }
    finally {
        for (const { close } of [...parties, proxy, pair])
            close();
    }
}
/** Samples of the proxy's memory, one a second, while one end after the other is killed. */
async function watched(parties, proxy, { seconds, killEvery, seed, say }) {
    const resident = [];
    let kills = 0;
    for (let second = 1; second <= seconds; second += 1) {
        await sleep(1000);
        resident.push(proxy.resident());
        if (second % killEvery === 0 && second < seconds - 1) {
            const killed = parties[(seed + kills) % parties.length];
            kills += 1;
            await killed.kill();
        }
        if (second % 10 === 0) {
            const { sockets, pipes } = proxy.descriptors();
            const { connections, bytes } = totalOf(parties.slice(PORTS.length));
            say(`${second} s: ${connections} connections, ${megabytes(bytes)} down, ${kills} kills; proxy ${resident.at(-1).toFixed(0)} MB, ${sockets} sockets, ${pipes} pipe ends`);
        }
    }
    return resident;
}
/** The descriptors once no connection is open any more, or after a while. */
async function settled(proxy, sockets) {
    for (let tries = 0; tries < 150 && proxy.descriptors().sockets > sockets; tries += 1)
        await sleep(100);
    return proxy.descriptors();
}
function verdict({ servers, callers, finished, proxy, before, after, resident, status }) {
    const parties = [...servers, ...callers];
    const wrong = parties.flatMap((party) => party.wrong);
    const lost = [
        ...callers.flatMap(({ shorts }) => shorts.filter((short) => !explained(short, servers))),
        ...servers.flatMap(({ shorts }) => shorts.filter((short) => !explained(short, callers))),
    ];
    const [early, late] = [quarter(resident, 1), quarter(resident, 3)];
    const [up, down] = [totalOf(servers), totalOf(callers)];
    const lines = [...proxy.flags.values()].reduce((sum, count) => sum + count, 0);
    const problem = (is, what) => (is ? [what] : []);
    const problems = [
        ...problem(wrong.length > 0, `bytes were not those that were sent: ${JSON.stringify(wrong.slice(0, 3))}`),
        ...problem(lost.length > 0, `connections ended early, and nobody had been killed: ${JSON.stringify(lost.slice(0, 3))}`),
        ...problem(finished.includes(false), 'a connection of a caller never came to an end'),
        ...problem(after.sockets > before.sockets, `sockets: ${before.sockets} before, ${after.sockets} after`),
        ...problem(after.others > before.others + 2, `other descriptors: ${before.others} before, ${after.others} after`),
        ...problem(late > early * 1.1 + SWING, `memory grew from ${early.toFixed(0)} MB to ${late.toFixed(0)} MB`),
        ...problem(proxy.faults.length > 0, `the proxy refused or ended what it should not: ${proxy.faults.slice(0, 3).join(' ')}`),
        ...problem(status !== 0 || proxy.said().includes('trouble'), `the proxy said: ${proxy.said()} (exit ${status})`),
        ...problem(!proxy.said().includes(' 0 were reset'), `connections were left open: ${proxy.said()}`),
        ...problem(down.right === 0 || up.right === 0 || down.reset === 0, 'too little happened to say anything'),
    ];
    const kills = parties.reduce((sum, { away }) => sum + away.length, 0);
    const flags = [...proxy.flags].map(([flag, count]) => `${flag} ${count}`).join(', ');
    return {
        problems,
        summary: [
            `${down.connections} connections, ${kills} ends killed; ${megabytes(up.bytes)} up and ${megabytes(down.bytes)} down, each byte compared`,
            `${down.right} answers were whole, ${up.right} requests; ${down.reset} connections were meant to be reset`,
            `access log: ${lines} lines (${flags})`,
            `descriptors before and after: sockets ${before.sockets} and ${after.sockets}, ends of pipes ${before.pipes} and ${after.pipes}, others ${before.others} and ${after.others}`,
            `memory: at least ${early.toFixed(1)} MB in the second quarter, ${late.toFixed(1)} MB in the last, ${Math.max(...resident).toFixed(1)} MB at most`,
        ],
    };
}
/** Whether one of the other ends was away while a connection was open, so that its end means nothing. */
const explained = ({ port, begun, ended }, others) => others
    .filter(({ name }) => port === undefined || name === `server ${port}`)
    .some(({ away }) => away.some(({ from, until }) => begun <= until + LATE && ended >= from - LATE));
/** The least of a quarter: what a collector leaves; what is above it comes and goes with how much is done. */
const quarter = (samples, number) => {
    const size = Math.max(1, Math.floor(samples.length / 4));
    return Math.min(...samples.slice(number * size, (number + 1) * size));
};
const totalOf = (parties) => {
    const all = parties.map((party) => party.counted());
    const total = (field) => all.reduce((sum, each) => sum + each[field], 0);
    return {
        connections: total('connections'),
        right: total('right'),
        reset: total('reset'),
        bytes: total('bytes'),
    };
};
const megabytes = (bytes) => `${(bytes / (1 << 20)).toFixed(0)} MB`;
