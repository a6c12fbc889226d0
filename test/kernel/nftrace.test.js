import { expect, test } from 'vitest';
import { openScratch } from '../../src/linux/scratch.ts';
// One datagram over loopback, traced: a Node inside the namespace listens to what the kernel tells, as built.
const PROGRAM = `
const [linux] = process.argv.slice(1);
const { openTraceTable, openTraceReceiver, readHandles } = await import(linux);
const { createSocket } = await import('node:dgram');
const table = openTraceTable('watch', [
  { name: 'out', hook: 'OUTPUT', priority: -400, trace: { every: true } },
  { name: 'in', hook: 'INPUT', priority: 400 },
]);
const places = { ipv4: readHandles('ipv4'), ipv6: readHandles('ipv6') };
const receiver = openTraceReceiver();
const steps = [];
const listen = () => receiver.receive(({ protocol, table, chain, handle, verdict, target, policy, mark, first, networkHeader, connection }) => {
  const place = handle === undefined || table === 'watch' ? undefined : places[protocol](table, handle);
  const at = place ? \`\${place.chain} \${place.number}\` : handle === undefined ? \`end of \${chain}\` : chain;
  steps.push([protocol, table, at, verdict ?? policy, target, mark, first ? networkHeader.length : '', connection?.state].filter((part) => part !== undefined).join(' ').trim());
});
for (const [type, address] of [['udp4', '127.0.0.1'], ['udp6', '::1']]) {
  const socket = createSocket(type).on('error', () => {});
  socket.bind(0, address);
  socket.connect(9, address);
  await new Promise((resolve) => socket.on('connect', resolve));
  await new Promise((resolve) => socket.send('hello', resolve));
  await receiver.wait(1000);
  listen();
  // Nobody listens there: the kernel answers by itself, and that is traced too.
  steps.length = steps.findIndex((step) => step.includes('watch in accept')) + 1 || steps.length;
  console.log(steps.splice(0).join('\\n'));
  socket.close();
}
receiver.close();
table.close();`;
const RULES = `*mangle
:MARKED - [0:0]
:MORE - [0:0]
-A OUTPUT -p udp -m udp --dport 9 -j MARKED
-A OUTPUT -p tcp -j DROP
-A MARKED -j MARK --set-mark 5
-A MARKED -m mark --mark 5 -g MORE
-A MORE -m conntrack --ctstate NEW -j RETURN
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -p udp -m mark --mark 0x5 -j ACCEPT
COMMIT
`;
test.runIf(process.getuid?.() === 0)('the kernel tells which rules a packet matched, and the mark after each', async () => {
    const scratch = await openScratch();
    try {
        scratch.must(['ip', 'link', 'set', 'lo', 'up']);
        for (const tool of ['iptables', 'ip6tables'])
            scratch.must([`${tool}-nft-restore`], { input: RULES });
        const linux = new URL('../../dist/linux/index.js', import.meta.url).href;
        const told = scratch.must([process.execPath, '--input-type=module', '-e', PROGRAM, linux]);
        const families = [
            ['ipv4', 20],
            ['ipv6', 40],
        ];
        for (const [family, header] of families) {
            const lines = told.split('\n').filter((line) => line.startsWith(family));
            expect(lines.map((line) => line.slice(family.length + 1))).toEqual([
                `watch out continue 0 ${header}`,
                'watch out accept 0',
                `mangle OUTPUT 1 jump MARKED 0 ${header} 8`,
                'mangle MARKED 1 continue 5',
                'mangle MARKED 2 goto MORE 5',
                'mangle MORE 1 return 5',
                'mangle end of OUTPUT continue 5',
                'mangle end of OUTPUT accept 5',
                `filter INPUT 1 accept 5 ${header} 8`,
                `watch in accept 5 ${header} 8`,
            ]);
        }
        // The table went with the process that made it.
        expect(scratch.must(['nft', 'list', 'tables'])).not.toContain('watch');
    }
    finally {
        scratch.close();
    }
});
