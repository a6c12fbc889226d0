import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { InputRefused, parseNft, parseNftJson } from '../../src/text/index.ts';
import { openScratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
import { randomSave, randomSets } from '../support/random-rules.ts';
import { SIDESTEP } from '../support/sidestep.ts';
// Rules that iptables-nft wrote, as nft lists them: what it cannot say is an xt statement without its parameters, and the rest
// is a translation that nft itself would write in other words.
const SEEDS = Number(process.env.SEEDS ?? 15);
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
const statementsOf = (tables) => tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules.flatMap(({ statements }) => statements)));
const rulesOf = (tables) => tables.reduce((sum, { chains }) => sum + chains.reduce((count, { rules }) => count + rules.length, 0), 0);
describe.skipIf(process.getuid?.() !== 0)('what nft lists of the rules of iptables-nft', () => {
    test('xt keeps the name, and the reason says which command shows more', () => {
        const rules = '*nat\n-A PREROUTING -p tcp -m multiport --dports 80,443 -j REDIRECT --to-ports 15006\nCOMMIT\n';
        scratch.must(['iptables-nft-restore'], { input: rules });
        const found = statementsOf(parseNftJson(scratch.must(['nft', '-j', 'list', 'ruleset'])));
        const because = 'nft does not show what it says; iptables-save does';
        expect(found).toContainEqual({ kind: 'xt', type: 'match', name: 'multiport', because });
        expect(found).toContainEqual({ kind: 'xt', type: 'target', name: 'REDIRECT', because });
        expect(rulesOf(parseNft(scratch.must(['nft', 'list', 'ruleset'])))).toBe(1);
    });
    test.for([
        [
            'iptables-nft',
            'ipv4',
            [
                '-A INPUT -m mark ! --mark 0x4000/0x4000 -j RETURN',
                '-A INPUT -m mark --mark 0x1 -m mark --mark 0x2/0x6',
                '-A INPUT ! -s 10.0.0.0/255.0.255.0 -j DROP',
                '-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT',
                '-A INPUT -p tcp -m tcp --dport 80 ! --tcp-flags SYN SYN -j DROP',
                '-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP',
                '-A INPUT -j NFLOG --nflog-prefix "a b" --nflog-group 3',
            ],
        ],
        ['ip6tables-nft', 'ipv6', ['-A INPUT -s 1::1/ffff::ffff -m mark --mark 0x1/0x3 -j DROP']],
    ])('%s: rules that it writes in nft’s own words stay its own', ([tool, family, rules]) => {
        const listed = () => scratch
            .must([process.execPath, SIDESTEP, 'list', '-o', 'save', '--family', family, '--table', 'filter'])
            .split('\n')
            .filter((line) => line.startsWith('-A'));
        scratch.must([`${tool}-restore`], { input: `*filter\n${rules.join('\n')}\nCOMMIT\n` });
        expect(listed()).toEqual(rules);
        // What iptables shows a part of, or as something else, is nft's.
        const own = ['tcp flags syn drop', 'tcp flags syn / syn,ack tcp flags ! fin,rst drop', 'log group 3 accept'];
        scratch.must([tool, '-F', 'INPUT']);
        for (const rule of own)
            scratch.must(['nft', `add rule ${family === 'ipv4' ? 'ip' : 'ip6'} filter INPUT ${rule}`]);
        expect(listed()).toEqual(own.map((rule) => `-A INPUT nft: ${rule}`));
    });
    test.for(FAMILIES)(`${SEEDS} random rule sets: all of it is read (%s)`, { timeout: 300_000 }, async (family) => {
        const fresh = await scratch.beside();
        try {
            fresh.must(['ipset', 'restore'], { input: randomSets(family) });
            let read = 0;
            for (let seed = 1; seed <= SEEDS; seed += 1)
                read += readAll(fresh, family, seed) ? 1 : 0;
            expect(read).toBeGreaterThan(SEEDS / 2);
        }
        finally {
            fresh.close();
        }
    });
});
/** False where iptables or nft could not do their part. */
function readAll(fresh, family, seed) {
    const tool = family === 'ipv4' ? 'iptables-nft-restore' : 'ip6tables-nft-restore';
    const save = randomSave(seeded(seed), family);
    if (fresh.run([tool], { input: save }).status !== 0)
        return false;
    const [text, json] = [fresh.run(['nft', 'list', 'ruleset']), fresh.run(['nft', '-j', 'list', 'ruleset'])];
    // nft 1.0.6 may crash over what it has to translate.
    if (text.status !== 0 || json.status !== 0)
        return false;
    try {
        expect(rulesOf(parseNft(text.stdout))).toBe(rulesOf(parseNftJson(json.stdout)));
        return true;
    }
    catch (error) {
        throw error instanceof InputRefused ? new Error(`seed ${seed}: ${error.message}`) : error;
    }
}
