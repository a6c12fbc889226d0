import { setTimeout as sleep } from 'node:timers/promises';
import { formatAddress } from '../../src/address/index.ts';
import { openNamespace, readSnapshot } from '../../src/linux/index.ts';
import { UDP } from '../../src/netfilter/index.ts';
import { startAgent } from './agent.ts';
import { openPair } from './namespace.ts';
/** Long enough for an answer on a busy machine, shorter than TCP's first repetition. */
const PATIENCE = 600;
/** IPv6's TCP overlooks an ICMP error that arrives while connect(2) has not returned; the repetition's it hears. */
const PATIENCE_FOR_ICMPV6 = 1600;
/** The pod's listeners in every case: an app of both families, and a UDP one. */
const APPS = [8080, 8888, 9090].map((port) => ({
    name: `pod tcp [::]:${port}`,
    protocol: 'tcp',
    address: '::',
    port,
}));
const UDP_APPS = [
    { name: 'pod udp 0.0.0.0:8125', protocol: 'udp', address: '0.0.0.0', port: 8125 },
    { name: 'pod udp [::]:8125', protocol: 'udp', address: '::', port: 8125, only: true },
];
/** Without an address of this kind that is in use, IPv6 asks nobody for a neighbour; the usual one is tried for a second. */
const LINK_LOCAL = 'fe80::5/64 nodad';
/** What answers in the namespaces around the pod. */
const servers = (where) => [
    ...[22, 80, 443, 8080, 8888].map((port) => ({
        name: `${where} tcp :${port}`,
        protocol: 'tcp',
        address: '::',
        port,
    })),
    ...[53, 8125].map((port) => ({ name: `${where} udp :${port}`, protocol: 'udp', address: '::', port })),
];
/** Builds a case's namespaces, loads its rules, opens its listeners and reads the snapshot back from the kernel. */
export async function openLaboratory(from, options = {}) {
    const pair = await openPair(options);
    try {
        const server = from.forwards ? await addServer(pair) : undefined;
        const { pod, client } = pair;
        client.must(['ip', '-batch', '-'], {
            input: ['10.0.0.10/24', '10.0.0.77/24', 'fe80::9/64 nodad']
                .map((own) => `address add ${own} dev eth0\n`)
                .join(''),
        });
        pod.must(['ip', 'address', 'add', ...LINK_LOCAL.split(' '), 'dev', 'eth0']);
        // Every refusal is to be heard of.
        pod.must(['sysctl', '-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0']);
        for (const line of from.sysctl)
            pod.must(['sysctl', '-qw', ...line.split(' ')]);
        for (const line of from.ip)
            pod.must(['ip', ...line.split(' ')]);
        for (const { family, text } of from.rules) {
            const restore = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${from.backend}-restore`;
            pod.must([restore], { input: text });
        }
        for (const text of from.native)
            pod.must(['nft', '-f', '-'], { input: text });
        const [root, app, proxy, outside] = [
            startAgent(pod),
            startAgent(pod, pod.manyUsers ? { uid: 1000 } : {}),
            startAgent(pod, pod.manyUsers ? { uid: 1337 } : {}),
            startAgent(client),
        ];
        const beyond = server ? startAgent(server) : undefined;
        const opened = [...APPS, ...UDP_APPS, ...from.listeners].map((each) => ({ ...each, mute: from.mute }));
        await Promise.all([
            app.ready,
            proxy.ready,
            ...opened.map((listening) => root.listen(listening)),
            ...servers('client').map((listening) => outside.listen({ ...listening, mute: from.mute })),
            ...(beyond ? servers('server').map((listening) => beyond.listen({ ...listening, mute: from.mute })) : []),
        ]);
        await linked([client, pod, ...(server ? [server] : [])]);
        const read = async () => {
            const snapshot = await readSnapshot(openNamespace({ pid: pod.pid }));
            return { ...snapshot, listeners: withTransparency(snapshot.listeners ?? [], opened) };
        };
        const agents = {
            root,
            users: new Map([
                [1000, app],
                [1337, proxy],
            ]),
            outside,
        };
        return {
            pod,
            client: outside,
            root,
            snapshot: await read(),
            read,
            send: (trace, patience = patienceFor(trace)) => sendReal(agents, trace, patience),
            close: () => {
                server?.close();
                pair.close();
            },
        };
    }
    catch (error) {
        pair.close();
        throw error;
    }
}
/** A veth pair carries nothing until the kernel has seen both its ends come up, which it looks for once a second. */
async function linked(scratches) {
    for (let tries = 0; tries < 100; tries += 1) {
        const waiting = scratches.filter((scratch) => /^eth.*\bDOWN\b/m.test(scratch.must(['ip', '-br', 'link'])));
        if (waiting.length === 0)
            return;
        await sleep(20);
    }
    throw new Error('the links do not come up');
}
/** A network behind the pod: 10.1.0.0/24 and 2001:db8:1::/64, with a server at .7. */
async function addServer({ client, pod }) {
    const server = await client.beside();
    pod.must(['ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(server.pid)]);
    for (const [scratch, device, host] of [
        [pod, 'eth1', 5],
        [server, 'eth0', 7],
    ]) {
        const lines = [
            'link set lo up',
            `address add 10.1.0.${host}/24 dev ${device}`,
            `address add 2001:db8:1::${host}/64 dev ${device} nodad`,
            `address add fe80::1:${host}/64 dev ${device} nodad`,
            `link set ${device} up`,
            ...(scratch === server ? ['route add default via 10.1.0.5', 'route add default via 2001:db8:1::5'] : []),
        ];
        scratch.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    }
    pod.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    return server;
}
/** The kernel does not tell of a listener whether it is transparent everywhere; whoever opened it knows. */
const withTransparency = (read, opened) => read.map((listener) => {
    const name = nameOf(listener);
    const transparent = opened.some((listening) => listening.name === name && listening.transparent);
    return transparent ? { ...listener, transparent } : listener;
});
const patienceFor = ({ outcome }) => outcome.kind === 'rejected' && outcome.with.startsWith('icmp6') ? PATIENCE_FOR_ICMPV6 : PATIENCE;
async function sendReal({ root, users, outside }, { question }, patience) {
    const { direction, packet, assumptions } = question;
    const assumed = (pattern) => assumptions.some((clause) => pattern.test(clause));
    const { source, uid, gid, mark } = packet;
    const udp = packet.protocol === UDP;
    const sending = {
        protocol: udp ? 'udp' : 'tcp',
        to: formatAddress(packet.family, packet.destination),
        port: packet.destinationPort ?? 0,
        ...(source === undefined || assumed(/^source (?!port)/) ? {} : { from: formatAddress(packet.family, source) }),
        ...(packet.sourcePort === undefined || assumed(/^source (port|.*:40000) /) ? {} : { fromPort: packet.sourcePort }),
    };
    if (direction === 'in')
        return outside.send(sending, patience);
    if (udp)
        return (users.get(uid ?? 0) ?? root).send(sending, patience);
    return root.send({ ...sending, ...(uid === undefined ? {} : { uid, gid: gid ?? uid }), ...(mark ? { mark } : {}) }, patience);
}
const spoken = (family, address) => family === 'ipv6' ? `[${formatAddress(family, address)}]` : formatAddress(family, address);
const nameOf = ({ protocol, family, address, port }) => `pod ${protocol} ${spoken(family, address)}:${port}`;
/** What a sender comes to know when it is rejected in each way. Source: net/ipv4/icmp.c, icmp_err_convert. */
const REJECTED = {
    'tcp-reset': 'ECONNREFUSED',
    'icmp-port-unreachable': 'ECONNREFUSED',
    'icmp-net-unreachable': 'ENETUNREACH',
    'icmp-host-unreachable': 'EHOSTUNREACH',
    'icmp-proto-unreachable': 'ENOPROTOOPT',
    'icmp-net-prohibited': 'ENETUNREACH',
    'icmp-host-prohibited': 'EHOSTUNREACH',
    'icmp-admin-prohibited': 'EHOSTUNREACH',
    'icmp6-port-unreachable': 'ECONNREFUSED',
    'icmp6-no-route': 'ENETUNREACH',
    'icmp6-adm-prohibited': 'EACCES',
    'icmp6-addr-unreachable': 'EHOSTUNREACH',
};
/** What the sender would come to know if the trace is right. */
export function foretold({ outcome, steps, packet, question }) {
    const udp = packet.protocol === UDP;
    switch (outcome.kind) {
        case 'proxy':
        case 'app': {
            const socket = steps.findLast(({ kind }) => kind === 'socket');
            const listener = socket?.kind === 'socket' ? socket.listener : undefined;
            return listener ? nameOf(listener) : 'no listener in the trace';
        }
        case 'sent':
        case 'forwarded': {
            const where = outcome.out === 'eth1' ? 'server' : 'client';
            return `${where} ${udp ? 'udp' : 'tcp'} :${packet.destinationPort}`;
        }
        case 'nobody listens':
            return 'ECONNREFUSED';
        case 'rejected':
            // A datagram's sender hears at once that it was dropped, before the ICMP error arrives.
            return question.direction === 'out' && udp ? 'EPERM' : (REJECTED[outcome.with] ?? outcome.with);
        case 'dropped':
            return 'silence';
        case 'delivered':
        case 'answered':
        case 'astray':
        case 'unknown':
            return outcome.kind;
    }
}
/** A sender that is told at once that it may not send knows no more than one that waits in vain. */
const REFUSED_AT_ONCE = new Set(['EPERM', 'EINVAL', 'EACCES', 'ENETUNREACH', 'EHOSTUNREACH']);
export function observed(answer, { outcome }) {
    if (answer.reached)
        return answer.reached.name;
    const { code } = answer;
    if (code === undefined)
        return 'silence';
    return outcome.kind === 'dropped' && REFUSED_AT_ONCE.has(code) ? 'silence' : code;
}
/** An outcome as the cases write it: `proxy 15001`, `sent eth0`, `rejected tcp-reset`. */
export function written(outcome) {
    switch (outcome.kind) {
        case 'proxy':
        case 'app':
        case 'nobody listens':
            return `${outcome.kind} ${outcome.port}`;
        case 'rejected':
            return `rejected ${outcome.with}`;
        case 'sent':
        case 'forwarded':
            return `${outcome.kind} ${outcome.out}`;
        case 'dropped':
        case 'delivered':
        case 'answered':
        case 'astray':
        case 'unknown':
            return outcome.kind;
    }
}
