import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { makePacket, TCP, UDP } from '../../src/netfilter/index.ts';
import { startAgent } from '../support/agent.ts';
import { frameBytes } from '../support/frame.ts';
import { CLIENT, macOf, openPair, POD } from '../support/namespace.ts';
import { documentsIn, watching } from '../support/watching.ts';
// Packets that are not as most are: of each the simulator says what the kernel does, or as far as it knows.
const [HOP, DESTINATION, FRAGMENT] = [0, 60, 44];
/** An IPv6 header of options, and what follows it. */
const options = (next) => [next, 0, 1, 4, 0, 0, 0, 0];
const SAME = 'the same';
describe.runIf(process.getuid?.() === 0)('odd packets', { timeout: 60_000 }, () => {
    let pair;
    let client;
    beforeEach(async () => {
        pair = await openPair();
        client = startAgent(pair.client);
        await client.ready;
    });
    afterEach(() => pair.close());
    const load = (family, ...lines) => void pair.pod.must([`${family === 'ipv4' ? 'iptables' : 'ip6tables'}-nft-restore`], {
        input: `${lines.join('\n')}\nCOMMIT\n`,
    });
    /** A frame from the client to the pod, whose checksum nobody has filled in. */
    function send(family, packet, frame = {}) {
        const whole = makePacket({
            family,
            source: parseAddress(CLIENT[family]).value,
            destination: parseAddress(POD[family]).value,
            sourcePort: 40_000,
            destinationPort: 8125,
            protocol: UDP,
            ...packet,
        });
        const macs = { sourceMac: macOf(pair.client, 'eth0'), destinationMac: macOf(pair.pod, 'eth0') };
        return client.sendFrame(frameBytes({ ...whole, ...macs, length: undefined, ...frame }), 'eth0');
    }
    const run = (from, program) => void from.must([process.execPath, '-e', program]);
    const datagrams = (from, to, ports, length = 1) => run(from, `const s=require('dgram').createSocket('udp4').on('error',()=>{});for(const p of [${ports}])s.send(Buffer.alloc(${length}),p,'${to}');setTimeout(()=>process.exit(),300)`);
    const connect = (port) => run(pair.client, `require('net').connect(${port},'${POD.ipv4}').on('error',()=>{}).on('close',()=>process.exit()).resume();setTimeout(()=>process.exit(),700)`);
    async function watch(count, args, act) {
        const watched = watching(pair.pod, ...args, '--count', String(count), '--for', '10s');
        await watched.begun;
        await act();
        return watched.ended;
    }
    async function seen(count, filters, act) {
        const { stdout } = await watch(count, [...filters, '-o', 'json'], act);
        return documentsIn(stdout);
    }
    const saysOf = (documents) => documents.map(({ simulator }) => simulator.says);
    test('IPv6 headers between the first and the last', async () => {
        const rule = '-A PREROUTING -p udp -m udp --dport 8125';
        load('ipv6', '*raw', `${rule} -m ipv6header --header hop --soft -j ACCEPT`, `${rule} -m frag --fragfirst -j DROP`);
        const documents = await seen(4, ['in udp/8125'], async () => {
            await send('ipv6', {}, { between: { first: HOP, bytes: options(UDP) } });
            await send('ipv6', {}, { between: { first: DESTINATION, bytes: options(UDP) } });
            await send('ipv6', {}, { between: { first: FRAGMENT, bytes: [UDP, 0, 0, 1, 0, 0, 0, 7] } });
            await send('ipv6', {});
        });
        expect(documents.map(({ packet }) => packet.destinationPort)).toEqual([8125, 8125, 8125, 8125]);
        expect(saysOf(documents)).toEqual([SAME, SAME, SAME, SAME]);
        expect(documents.map(({ outcome }) => outcome.kind).filter((kind) => kind === 'dropped')).toHaveLength(1);
    });
    test('a wrong checksum: connection tracking takes it for INVALID', async () => {
        load('ipv4', '*nat', '-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 8081');
        load('ipv4', '*filter', '-A INPUT -m conntrack --ctstate INVALID -j DROP');
        const documents = await seen(1, ['in tcp/8080'], () => send('ipv4', { protocol: TCP, destinationPort: 8080, tcpFlags: 2 }));
        expect(saysOf(documents)).toEqual([SAME]);
        expect(documents).toMatchObject([{ packet: { state: 'INVALID' }, outcome: { kind: 'dropped' } }]);
    });
    test('fragments where connection tracking is off: one goes on, and stands for all', async () => {
        load('ipv4', '*raw', '-A PREROUTING -p udp -j ACCEPT', 'COMMIT', '*filter', '-A INPUT -p udp -j ACCEPT');
        const documents = await seen(3, ['in udp'], () => datagrams(pair.client, POD.ipv4, [8125], 3000));
        expect(saysOf(documents)).toEqual(Array(3).fill('the same as far as it knows'));
        expect(documents.filter(({ outcome }) => outcome.kind === 'app')).toHaveLength(1);
    });
    test('what the kernel itself sends back: resets and ICMP errors', async () => {
        load('ipv4', '*raw', '-A OUTPUT -m conntrack --ctstate RELATED -j ACCEPT');
        load('ipv4', '*filter', '-A INPUT -p tcp -m tcp --dport 2001 -j REJECT --reject-with tcp-reset', '-A INPUT -p tcp -m tcp --dport 2002 -j REJECT', '-A INPUT -p udp -m udp --dport 2003 -j REJECT', '-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
        const documents = await seen(10, ['in tcp', 'in udp', 'out tcp', 'out icmp'], () => {
            for (const port of [2000, 2001, 2002])
                connect(port);
            for (const port of [2003, 2004])
                datagrams(pair.client, POD.ipv4, [port]);
        });
        expect(saysOf(documents)).toEqual(Array(10).fill(SAME));
        expect(documents.map(({ direction }) => direction)).toEqual(Array(5).fill(['in', 'out']).flat());
    });
    test('ICMP errors from elsewhere, about what this host has sent', async () => {
        load('ipv4', '*nat', '-A OUTPUT -p udp -m udp --dport 2006 -j DNAT --to-destination :2007');
        load('ipv4', '*filter', '-A INPUT -m conntrack --ctstate RELATED -j ACCEPT', '-A INPUT -p icmp -j DROP');
        const documents = await seen(4, ['out udp', 'in icmp'], () => datagrams(pair.pod, CLIENT.ipv4, [2005, 2006]));
        expect(saysOf(documents)).toEqual(Array(4).fill(SAME));
        expect(documents.filter(({ packet }) => packet.state === 'RELATED')).toHaveLength(2);
    });
    test('this host tells its own sender that nobody has the next address', async () => {
        pair.pod.must(['sysctl', '-qw', 'net.ipv4.neigh.eth0.retrans_time_ms=100', 'net.ipv4.neigh.eth0.mcast_solicit=1']);
        load('ipv4', '*nat', '-A OUTPUT -p udp -m udp --dport 2008 -j DNAT --to-destination 10.0.0.78:2009');
        load('ipv4', '*filter', '-A INPUT -i lo -m conntrack --ctstate RELATED -j ACCEPT', '-A INPUT -p icmp -j DROP');
        const documents = await seen(4, ['out udp', 'out icmp'], async () => {
            datagrams(pair.pod, '10.0.0.77', [2005]);
            datagrams(pair.pod, '10.0.0.77', [2008]);
        });
        expect(saysOf(documents)).toEqual(Array(4).fill(SAME));
        expect(documents.filter(({ packet }) => packet.state === 'RELATED')).toHaveLength(2);
    });
    test('a redirect from elsewhere: nat drops it where it maps the connection', async () => {
        load('ipv4', '*nat', '-A OUTPUT -p udp -m udp --dport 8125 -j DNAT --to-destination :8126');
        for (const port of [8124, 8126])
            await client.listen({ name: `udp ${port}`, protocol: 'udp', address: '0.0.0.0', port, mute: true });
        const documents = await seen(4, ['out udp', 'in icmp'], async () => {
            for (const port of [8124, 8125]) {
                const [own, to] = [40_000 + port, port === 8125 ? 8126 : port];
                run(pair.pod, `const s=require('dgram').createSocket('udp4');s.bind(${own},()=>s.send('x',${port},'${CLIENT.ipv4}',()=>process.exit()))`);
                await client.sendRaw(redirectAbout(own, to), POD.ipv4);
            }
        });
        expect(saysOf(documents)).toEqual([SAME, SAME, SAME, 'nothing']);
        const ends = documents.filter(({ packet }) => packet.protocol === 'icmp').map(({ outcome }) => outcome.kind);
        expect(ends).toEqual(['delivered', 'unknown']);
    });
    test('a redirect of this host’s own: nat drops it before it is done with the packet that it is about', async () => {
        pair.pod.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.send_redirects=1']);
        load('ipv4', '*nat', '-A POSTROUTING -o eth0 -j MASQUERADE');
        const documents = await seen(1, ['out icmp'], () => datagrams(pair.client, '10.9.9.9', [2010]));
        expect(documents).toMatchObject([
            { outcome: { kind: 'unknown' }, simulator: { says: 'nothing', because: expect.stringContaining('redirect') } },
        ]);
    });
    test('a connection that a helper waits for: RELATED, and new to nat', async () => {
        load('ipv4', '*raw', '-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp');
        load('ipv4', '*nat', '-A PREROUTING -p tcp -m tcp --dport 8079 -j REDIRECT --to-ports 8080');
        load('ipv4', '*filter', '-A INPUT -m conntrack --ctstatus EXPECTED -m helper --helper ftp', '-A INPUT -m conntrack --ctstate RELATED -m helper ! --helper ftp -j DROP', '-A INPUT -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
        const answer = '227 Entering Passive Mode (10,0,0,5,31,143).';
        const server = `require('net').createServer((s)=>{s.write('220 hi\\r\\n');s.on('error',()=>{}).on('data',()=>s.write('${answer}\\r\\n'))}).listen(21,()=>require('net').createServer((s)=>s.end('data')).listen(8080,()=>console.log('ready')))`;
        const child = pair.pod.start([process.execPath, '-e', server]);
        await once(child.stdout, 'data');
        const caller = `const net=require('net');const c=net.connect(21,'${POD.ipv4}').on('data',(d)=>{if(/^220/.test(d))c.write('PASV\\r\\n');else net.connect(8079,'${POD.ipv4}').on('error',()=>process.exit()).on('close',()=>process.exit()).resume()})`;
        const documents = await seen(5, ['in tcp/8079', 'out tcp 10.0.0.5:8079 > 10.0.0.9', 'out tcp 10.0.0.5:8080 > 10.0.0.9'], () => run(pair.client, caller));
        expect(saysOf(documents)).toEqual(Array(5).fill(SAME));
        expect(documents[0]).toMatchObject({ packet: { state: 'RELATED' }, outcome: { kind: 'proxy', port: 8080 } });
    });
    test('where the accounts part within a chain, the chain is named again', async () => {
        const rules = (verdict) => `table inet mine { chain pre { type filter hook prerouting priority 0; tcp dport 8080 counter; tcp dport 8080 ${verdict}; }\n}\n`;
        pair.pod.must(['nft', '-f', '-'], { input: rules('accept') });
        const other = join(tmpdir(), `sidestep-live-${process.pid}.nft`);
        writeFileSync(other, rules('drop'));
        const { stdout } = await watch(1, ['in tcp flags syn', '--from', other], () => connect(8080));
        expect(stdout).toContain('≠ here the kernel says: inet mine pre 2 matches: accept');
        expect(stdout).toMatch(/^ *inet mine pre {2}2 .* accept$/m);
    });
});
/** An ICMP redirect from the client, about a datagram of the pod's to it. */
function redirectAbout(sourcePort, destinationPort) {
    const header = (length, protocol, from, to) => [
        ...[0x45, 0, 0, length, 0, 0, 0, 0, 64, protocol, 0, 0],
        ...[10, 0, 0, from, 10, 0, 0, to],
    ];
    const inner = header(29, UDP, 5, 9);
    const sum = checksum(inner);
    inner[10] = sum >> 8;
    inner[11] = sum & 255;
    const ports = [sourcePort, destinationPort].flatMap((port) => [port >> 8, port & 255]);
    const message = [5, 1, 0, 0, 10, 0, 0, 9, ...inner, ...ports, 0, 9, 0, 0];
    const whole = checksum(message);
    message[2] = whole >> 8;
    message[3] = whole & 255;
    return Uint8Array.from([...header(20 + message.length, 1, 9, 5), ...message]);
}
/** The Internet's checksum. Source: RFC 1071. */
function checksum(bytes) {
    let sum = 0;
    for (let at = 0; at < bytes.length; at += 2)
        sum += (bytes[at] << 8) | (bytes[at + 1] ?? 0);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}
