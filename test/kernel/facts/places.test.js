import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILT_IN, TABLES } from '../../../src/netfilter/index.ts';
import { InputRefused, parseSave, readScript } from '../../../src/text/index.ts';
import { openScratch } from '../../support/namespace.ts';
// Where a match or target may stand: every table and chain is asked of the kernel, and of Sidestep.
const root = process.getuid?.() === 0;
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
const PLACES = TABLES.flatMap((table) => BUILT_IN[table].map((chain) => ({ table, chain })));
function takenBySidestep(text) {
    try {
        parseSave(text);
        return true;
    }
    catch (error) {
        if (error instanceof InputRefused)
            return false;
        throw error;
    }
}
const takenByKernel = (backend, text) => scratch.run([`iptables-${backend}-restore`], { input: text }).status === 0;
/** The places in which a rule is taken: `nat PREROUTING`. */
const placesOf = (rule, taken) => PLACES.filter(({ table, chain }) => taken(`*${table}\n-A ${chain} ${rule}\nCOMMIT\n`)).map(({ table, chain }) => `${table} ${chain}`);
describe.runIf(root)('fact 26: where a match or target may stand', () => {
    test.for([
        '-j MARK --set-mark 1',
        '-j CONNMARK --set-mark 1',
        '-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400',
        '-j DSCP --set-dscp 1',
        '-j TOS --set-tos 0x10',
        '-j TTL --ttl-set 9',
        '-p udp -j CHECKSUM --checksum-fill',
        '-j REJECT',
        '-j SNAT --to-source 10.0.0.1',
        '-j MASQUERADE',
        '-p tcp -j REDIRECT --to-ports 9',
        '-p tcp -j DNAT --to-destination 10.0.0.1',
        '-p tcp -j TPROXY --on-port 9',
        '-j CT --notrack',
        '-m rpfilter',
        '-m owner --uid-owner 0',
        '-m socket',
    ])('%s', (rule) => {
        const kernel = placesOf(rule, (text) => takenByKernel('nft', text));
        expect(placesOf(rule, (text) => takenByKernel('legacy', text))).toEqual(kernel);
        expect(placesOf(rule, takenBySidestep)).toEqual(kernel);
    });
});
test.runIf(root)('fact 16: TRACE stands in raw alone in legacy, in any table in nft', () => {
    const inRaw = ['raw PREROUTING', 'raw OUTPUT'];
    expect(placesOf('-j TRACE', (text) => takenByKernel('legacy', text))).toEqual(inRaw);
    const everywhere = PLACES.map(({ table, chain }) => `${table} ${chain}`);
    expect(placesOf('-j TRACE', (text) => takenByKernel('nft', text))).toEqual(everywhere);
    expect(placesOf('-j TRACE', takenBySidestep)).toEqual(everywhere);
});
describe.runIf(root)('fact 18: nat drops nothing', () => {
    test.for([
        '*nat\n-A PREROUTING -j DROP\nCOMMIT\n',
        '*nat\n:MINE - [0:0]\n-A PREROUTING -j MINE\n-A MINE -p tcp -j DROP\nCOMMIT\n',
    ])('%j', (text) => {
        const nft = takenByKernel('nft', text);
        expect(takenBySidestep(text)).toBe(nft);
        expect([nft, takenByKernel('legacy', text)]).toEqual([false, false]);
    });
});
test.runIf(root)('fact 18: a policy DROP in nat: -P refuses it, the restore tools take it', () => {
    const text = '*nat\n:PREROUTING DROP [0:0]\nCOMMIT\n';
    for (const backend of ['nft', 'legacy']) {
        expect(takenByKernel(backend, text)).toBe(true);
        expect(scratch.run([`iptables-${backend}`, '-t', 'nat', '-P', 'PREROUTING', 'DROP']).status).not.toBe(0);
    }
    expect(takenBySidestep(text)).toBe(true);
    expect(() => readScript('iptables -t nat -P PREROUTING DROP')).toThrow(InputRefused);
});
describe.runIf(root)('fact 20: owner is for OUTPUT and POSTROUTING, also through a chain of one’s own', () => {
    test.for([
        ['INPUT', false],
        ['FORWARD', false],
        ['OUTPUT', true],
    ])('%s: %s', ([chain, taken]) => {
        const text = `*filter\n:MINE - [0:0]\n-A MINE -m owner --uid-owner 0 -j ACCEPT\n-A ${chain} -j MINE\nCOMMIT\n`;
        expect(takenByKernel('nft', text)).toBe(taken);
        expect(takenBySidestep(text)).toBe(taken);
    });
});
