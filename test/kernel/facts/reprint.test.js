import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputRefused, parseSave, printSave } from '../../../src/text/index.ts';
import { openScratch } from '../../support/namespace.ts';
// What the kernel's tools make of a rule's words when they print it back.
const root = process.getuid?.() === 0;
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
const setOf = (rule, table = 'filter', chain = 'INPUT') => `*${table}\n-A ${chain} ${rule}\nCOMMIT\n`;
const rulesIn = (text) => text.split('\n').flatMap((line) => (line.startsWith('-A ') ? [line.replace(/^-A \S+ ?/, '')] : []));
/** The rules as a back end prints them, or undefined where it refuses them. */
async function printedByKernel(backend, text) {
    const fresh = await scratch.beside();
    try {
        if (fresh.run([`iptables-${backend}-restore`], { input: text }).status !== 0)
            return undefined;
        return rulesIn(fresh.must([`iptables-${backend}-save`]));
    }
    finally {
        fresh.close();
    }
}
function printedBySidestep(text, backend) {
    try {
        return rulesIn(parseSave(text)
            .map((rules) => printSave(rules, { backend }))
            .join(''));
    }
    catch (error) {
        if (error instanceof InputRefused)
            return undefined;
        throw error;
    }
}
async function sameAsKernel(text, backend = 'nft') {
    const kernel = await printedByKernel(backend, text);
    expect(printedBySidestep(text, backend)).toEqual(kernel);
    return kernel;
}
describe.runIf(root)('fact 17: marks are saved as --set-xmark', () => {
    test.for([
        ['-j MARK --set-mark 0x5/0xf0', '-j MARK --set-xmark 0x5/0xf5'],
        ['-j MARK --and-mark 0xf0', '-j MARK --set-xmark 0x0/0xffffff0f'],
        ['-j MARK --or-mark 0x3', '-j MARK --set-xmark 0x3/0x3'],
        ['-j MARK --xor-mark 0x3', '-j MARK --set-xmark 0x3/0x0'],
        ['-j CONNMARK --set-mark 0x5/0xf0', '-j CONNMARK --set-xmark 0x5/0xf5'],
    ])('%s', async ([rule, printed]) => {
        expect(await sameAsKernel(setOf(rule, 'mangle', 'PREROUTING'))).toEqual([printed]);
    });
});
test.runIf(root)('fact 23: --icmp-type any is saved as such and listed as icmptype 255', async () => {
    expect(await sameAsKernel(setOf('-p icmp -m icmp --icmp-type any'))).toEqual(['-p icmp -m icmp --icmp-type any']);
    const fresh = await scratch.beside();
    try {
        fresh.must(['iptables-nft-restore'], { input: setOf('-p icmp -m icmp --icmp-type any') });
        expect(fresh.must(['iptables-nft', '-n', '-L', 'INPUT'])).toContain('icmptype 255');
    }
    finally {
        fresh.close();
    }
});
describe.runIf(root)('fact 30: what the reprint makes equal', () => {
    test.for([
        ['the implied match', '-p tcp --dport 80', ['-p tcp -m tcp --dport 80']],
        ['one host', '-s 10.0.0.1', ['-s 10.0.0.1/32']],
        ['host bits', '-s 10.0.0.1/8', ['-s 10.0.0.0/8']],
        ['a mask with holes', '-s 10.0.0.1/255.0.255.0', ['-s 10.0.0.0/255.0.255.0']],
        ['--syn', '-p tcp --syn', ['-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN']],
        ['the default limit', '-m limit', ['-m limit --limit 3/hour']],
        ['how REJECT answers', '-j REJECT', ['-j REJECT --reject-with icmp-port-unreachable']],
        ['several sources', '-s 10.0.0.1,10.0.0.2', ['-s 10.0.0.1/32', '-s 10.0.0.2/32']],
        [
            'a probability',
            '-m statistic --mode random --probability 0.1',
            ['-m statistic --mode random --probability 0.10000000009'],
        ],
        ['recent’s mask', '-m recent --set --name x', ['-m recent --set --name x --mask 255.255.255.255 --rsource']],
        ['marks', '-m mark --mark 10', ['-m mark --mark 0xa']],
    ])('%s', async ([, rule, printed]) => {
        expect(await sameAsKernel(setOf(rule))).toEqual(printed);
    });
    test('uids in numbers, and REDIRECT’s ports', async () => {
        const owner = setOf('-m owner --uid-owner root', 'filter', 'OUTPUT');
        expect(await sameAsKernel(owner)).toEqual(['-m owner --uid-owner 0']);
        const redirect = setOf('-p tcp -j REDIRECT --to-port 80', 'nat', 'PREROUTING');
        expect(await sameAsKernel(redirect)).toEqual(['-p tcp -j REDIRECT --to-ports 80']);
    });
});
describe.runIf(root)('fact 31: where reprints lie', () => {
    test('legacy prints ! -i + as nothing; nft keeps it', async () => {
        expect(await printedByKernel('legacy', setOf('! -i + -p tcp'))).toEqual(['-p tcp']);
        expect(printedBySidestep(setOf('! -i + -p tcp'), 'nft')).toEqual(await printedByKernel('nft', setOf('! -i + -p tcp')));
    });
    test('nft refuses ! -s 0/0, legacy keeps it', async () => {
        const text = setOf('! -s 0.0.0.0/0 -p tcp');
        expect(await printedByKernel('nft', text)).toBeUndefined();
        expect(await printedByKernel('legacy', text)).toEqual(['! -s 0.0.0.0/0 -p tcp']);
    });
});
