import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { openNamespace, openTraceReceiver, openTraceTable, readSnapshot, } from '../../../src/linux/index.ts';
import { openNetlink } from '../../../src/linux/netlink.ts';
import { FLAG, NETLINK_NETFILTER, netfilterHeader } from '../../../src/linux/nftables.ts';
import { toSockaddr } from '../../../src/linux/socket/address.ts';
import { checked, SOL_IPV6, setOption, socketCalls } from '../../../src/linux/socket/calls.ts';
import { requireKoffi } from '../../../src/linux/socket/installed.ts';
import { makeTransparent } from '../../../src/linux/socket/transparent.ts';
import { openCard } from '../../../src/linux/witness/card.ts';
import { openSender } from '../../../src/linux/witness/sender.ts';
import { makeAccounts } from '../../support/accounting.ts';
/** The interfaces by which packets come and go: TUN devices that nobody reads from. */
export const CARDS = ['eth0', 'eth1'];
const PLACES = [
    'link set lo up',
    'address add 10.0.0.5/24 dev eth0',
    'address add 10.0.0.6/24 dev eth0',
    'address add 2001:db8::5/64 dev eth0 nodad',
    'address add 2001:db8::6/64 dev eth0 nodad',
    'address add 10.1.0.5/24 dev eth1',
    'address add 2001:db8:1::5/64 dev eth1 nodad',
    ...CARDS.flatMap((card) => [
        `link set ${card} addrgenmode none`,
        `link set ${card} txqueuelen 16`,
        `link set ${card} up`,
    ]),
    'route add default dev eth0',
    'route add ::/0 dev eth0 src 2001:db8::5',
];
/** A redirect would share the connection of the packet that it is about, and its mark, before FORWARD sees the packet. */
const QUIET = ['rp_filter', 'send_redirects'].flatMap((name) => [
    `ipv4/conf/all/${name}=0`,
    `ipv4/conf/default/${name}=0`,
]);
const FORWARDS = ['ipv4/ip_forward=1', 'ipv6/conf/all/forwarding=1'];
/** A host that forwards; one that only has apps; one set up for TPROXY, which may route 127.0.0.0/8 from outside. */
export const WORLDS = [
    { name: 'router', sysctls: FORWARDS, ip: [] },
    { name: 'host', sysctls: [], ip: [] },
    {
        name: 'transparent',
        sysctls: [...FORWARDS, 'ipv4/conf/all/route_localnet=1'],
        ip: [
            'rule add fwmark 0x1/0x1 lookup 100',
            'route add local default dev lo table 100',
            'rule add fwmark 0x4/0x4 lookup 101',
            'route add default dev eth1 table 101',
        ],
    },
];
/** Who may send. The first is the proxy. */
export const OWNERS = [
    { uid: 1337, gid: 1337 },
    { uid: 0, gid: 0 },
    { uid: 1000, gid: 1000 },
    { uid: 7, gid: 100 },
    { uid: 1999, gid: 1337 },
    { uid: 65534, gid: 65534 },
];
/** A message to connection tracking. Source: linux/netfilter/nfnetlink_conntrack.h, IPCTNL_MSG_CT_DELETE. */
const DELETE_CONNECTIONS = (1 << 8) | 2;
const CLONE_NEWNET = 0x4000_0000;
const SOCK_STREAM_CLOEXEC = 0x8_0001;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const IPV6_V6ONLY = 26;
/** Marks the packets that this program sends: nothing that the kernel sends by itself is traced. */
const PRIORITY = 0x51de;
const FAMILY = { ipv4: 2, ipv6: 10 };
/** The table that has packets traced, and its chains at the ends of a packet's way. In the others it begins. */
export const WATCH = { table: 'watch', received: 'received', leaves: 'leaves' };
/** Where rules are told by their counters, nobody gets what is sent, behind all rules: there are no answers. */
const SILENCE = `table inet silence {
  chain received { type filter hook input priority 401; policy drop; }
}
`;
let bound;
function calls() {
    if (bound)
        return bound;
    const libc = requireKoffi().load(null);
    const call = (prototype) => libc.func(prototype);
    bound = {
        unshare: call('int unshare(int)'),
        listen: call('int listen(int, int)'),
    };
    return bound;
}
/** Runs a command inside the namespace that this thread is in. */
export function runHere([file = '', ...args], { input = '' } = {}) {
    const { status, stdout, stderr, error } = spawnSync(file, args, { input, encoding: 'utf8', env: ENVIRONMENT });
    return { status: status ?? -1, stdout: stdout ?? '', stderr: stderr?.trim() || (error?.message ?? '') };
}
/** Throws what the command said. */
function must(command, input) {
    const { status, stderr } = runHere(command, { input });
    if (status !== 0)
        throw new Refused(`${command.join(' ')}: ${stderr}`);
}
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
/** A tool did not take what it was given. */
export class Refused extends Error {
    name = 'Refused';
}
/** Leaves the namespace that this thread is in for a fresh one. */
export function openMachine(world) {
    const { unshare } = calls();
    checked('unshare', unshare(CLONE_NEWNET));
    for (const line of [...QUIET, ...world.sysctls]) {
        const [name, value = ''] = line.split('=');
        writeFileSync(`/proc/sys/net/${name}`, value);
    }
    // They go with their namespace, many at once and behind everybody's back: to take one away takes a while.
    const cards = CARDS.map((card) => openCard(card, { stays: true }));
    must(['ip', '-batch', '-'], `${[...PLACES, ...world.ip].join('\n')}\n`);
    if (world.ip.length > 0)
        must(['ip', '-6', '-batch', '-'], `${world.ip.join('\n')}\n`);
    const sockets = openListeners();
    awaitAddresses();
    const senders = new Map();
    const senderFor = (family, owner) => {
        const key = `${family} ${owner}`;
        const known = senders.get(key);
        if (known)
            return known;
        const sender = { sender: openSender(family, OWNERS[owner], PRIORITY), mark: 0 };
        senders.set(key, sender);
        return sender;
    };
    const table = openTraceTable(WATCH.table, [
        {
            name: 'arrives',
            hook: 'PREROUTING',
            priority: -400,
            trace: { iifs: cards.map((card) => card.index()) },
        },
        // What the kernel sends by itself could be traced by a rule, and be taken for one of these.
        { name: 'departs', hook: 'OUTPUT', priority: -400, trace: { priority: PRIORITY }, alone: true },
        { name: WATCH.received, hook: 'INPUT', priority: 400 },
        { name: WATCH.leaves, hook: 'POSTROUTING', priority: 400 },
    ]);
    const receiver = openTraceReceiver();
    const netlink = openNetlink(NETLINK_NETFILTER);
    return {
        receiver,
        arrive: (card, bytes, length) => cards[CARDS.indexOf(card)].arrive(bytes, length),
        depart(family, owner, mark, to, bytes, length) {
            const known = senderFor(family, owner);
            if (known.mark !== mark)
                known.sender.mark(mark);
            known.mark = mark;
            return known.sender.send(bytes, length, to);
        },
        load(backend, family, rules, sets) {
            if (sets !== '')
                must(['ipset', 'restore'], sets);
            if (rules.includes('-m nfacct '))
                makeAccounts(netlink);
            must([`${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-restore`], rules);
            if (backend === 'legacy')
                must(['nft', '-f', '-'], SILENCE);
        },
        forget: () => void netlink.exchange([
            { type: DELETE_CONNECTIONS, flags: FLAG.request | FLAG.ack, payload: netfilterHeader(0) },
        ]),
        close() {
            netlink.close();
            receiver.close();
            table.close();
            // Sockets first: one that TPROXY gave packets to keeps its route, and the kernel waits for ever for that route's card.
            for (const fd of sockets)
                socketCalls().close(fd);
            for (const one of [...[...senders.values()].map(({ sender }) => sender), ...cards])
                one.close();
        },
    };
}
/** IPv6 addresses become this host's a little after they were added: the kernel has a thread of its own do it. */
function awaitAddresses() {
    for (let tries = 0; tries < 10_000; tries += 1) {
        const local = readFileSync('/proc/self/net/ipv6_route', 'utf8')
            .split('\n')
            .filter((line) => OWN_ROUTE.test(line));
        if (local.length >= OWN_ADDRESSES)
            return;
    }
    throw new Error('the IPv6 addresses do not come');
}
/** Routes to 2001:db8…, all bits of it, by an interface of its own (RTF_LOCAL). */
const OWN_ROUTE = /^20010db8\w+ 80 .* 8\w{7} +eth\d$/;
const OWN_ADDRESSES = PLACES.filter((line) => line.startsWith('address add 2001:')).length;
/** Sockets for `-m socket` and TPROXY to find: apps, a proxy that is transparent, and one that is reached locally only. */
function openListeners() {
    const at = (family, address, port) => toSockaddr({ family, address, port });
    const bound = (family, type, address, prepare = (_fd) => { }) => {
        const fd = checked('socket', socketCalls().socket(FAMILY[family], type, 0));
        if (family === 'ipv6')
            setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY');
        prepare(fd);
        checked('bind', socketCalls().bind(fd, address, address.length));
        if (type === SOCK_STREAM_CLOEXEC)
            checked('listen', calls().listen(fd, 4096));
        return fd;
    };
    return ['ipv4', 'ipv6'].flatMap((family) => {
        const [any, own, loopback] = family === 'ipv4' ? ['0.0.0.0', '10.0.0.5', '127.0.0.1'] : ['::', '2001:db8::5', '::1'];
        const transparent = (fd) => makeTransparent(fd, family);
        return [
            bound(family, SOCK_STREAM_CLOEXEC, at(family, any, 8080)),
            bound(family, SOCK_STREAM_CLOEXEC, at(family, own, 8888)),
            bound(family, SOCK_STREAM_CLOEXEC, at(family, loopback, 15001)),
            bound(family, SOCK_STREAM_CLOEXEC, at(family, any, 15006), transparent),
            bound(family, SOCK_DGRAM_CLOEXEC, at(family, any, 53)),
            bound(family, SOCK_DGRAM_CLOEXEC, at(family, own, 8125)),
            bound(family, SOCK_DGRAM_CLOEXEC, at(family, any, 15006), transparent),
        ];
    });
}
/** What Sidestep's own reader finds in such a namespace: everything but rules. Read once a world, as all are alike. */
export async function readWorld(world) {
    const machine = openMachine(world);
    try {
        // The table that has packets traced decides nothing.
        const { native: _watch, unread: _unread, ...snapshot } = await readSnapshot(openNamespace());
        return snapshot;
    }
    finally {
        machine.close();
    }
}
