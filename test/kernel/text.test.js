import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { allMatches, allTargets, BUILT_IN, TABLES, } from '../../src/netfilter/index.ts';
import { InputRefused, parseSave, printSave, restoreScript } from '../../src/text/index.ts';
import { makeAccountsIn } from '../support/accounting.ts';
import { textCases } from '../support/cases.ts';
import { openScratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
import { MATCH_FORMS, randomSave, randomSets, TARGET_FORMS } from '../support/random-rules.ts';
/** How many random rule sets; SEEDS=1000 for a long run, from SEED on. */
const SEEDS = Number(process.env.SEEDS ?? 20);
const FIRST = Number(process.env.SEED ?? 1);
const BACKENDS = ['nft', 'legacy'];
const COMBINATIONS = FAMILIES.flatMap((family) => BACKENDS.map((backend) => ({ family, backend })));
const tool = (family, backend, what) => `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-${what}`;
const withoutComments = (text) => text.replace(/^#.*\n/gm, '');
// An ordinary user's namespace knows uid 0 alone and shows no legacy table; the text is the same there.
const notRoot = process.getuid?.() !== 0;
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
/** A namespace of its own that holds the sets which random rules name. */
async function freshWith(family) {
    const fresh = await scratch.beside();
    fresh.must(['ipset', 'restore'], { input: randomSets(family) });
    return fresh;
}
afterAll(() => scratch.close());
const ipv4 = COMBINATIONS.filter(({ family }) => family === 'ipv4');
describe.skipIf(notRoot)('the text cases are what the real tools do', () => {
    test.for(textCases('reprint.txt'))('reprinted: $title', async ({ input, expected }) => {
        const fresh = await scratch.beside();
        try {
            fresh.must(['iptables-nft-restore'], { input });
            expect(withoutComments(fresh.must(['iptables-nft-save']))).toBe(expected);
        }
        finally {
            fresh.close();
        }
    });
    test('rules for one family among those of another are left out, whatever they say', async () => {
        const rules = ['-6 -s ::1', '-4 -s 10.0.0.1', '-p icmpv6 --ipv6', '-4 -s localhost', '-d ::2 -6'];
        const input = `*filter\n${rules.map((rule) => `-A INPUT ${rule} -j DROP\n`).join('')}COMMIT\n`;
        const fresh = await scratch.beside();
        try {
            const kept = ['iptables', 'ip6tables'].map((name) => {
                fresh.must([`${name}-nft-restore`], { input });
                return withoutComments(fresh.must([`${name}-nft-save`]));
            });
            expect(parseSave(input).map((set) => withoutComments(printSave(set)))).toEqual(kept);
        }
        finally {
            fresh.close();
        }
    });
    const refused = textCases('refused.txt').filter(({ title }) => !/^(Sidestep alone|Another kind)/.test(title));
    test.for(refused)('refused: $title', ({ input, expected }) => {
        // A tool stops at the first fault, so each faulty line is tried alone among the lines that have none.
        const lines = input.trimEnd().split('\n');
        const faulty = new Set([...expected.matchAll(/^rules\.txt:(\d+):/gm)].map((match) => Number(match[1]) - 1));
        expect(faulty.size).toBeGreaterThan(0);
        for (const { family, backend } of ipv4) {
            for (const wrong of faulty) {
                const alone = lines.filter((_, index) => index === wrong || !faulty.has(index)).join('\n');
                const { status } = scratch.run([tool(family, backend, 'restore')], { input: `${alone}\n` });
                expect(status, `${backend}: ${lines[wrong]}`).not.toBe(0);
            }
        }
    });
});
describe.for(COMBINATIONS)('$family, $backend', ({ family, backend }) => {
    const timeout = 120_000 + SEEDS * 500;
    test.skipIf(notRoot)('random rule sets print as the kernel reprints them', { timeout }, async () => {
        for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
            const input = randomSave(seeded(seed), family);
            const fresh = await freshWith(family);
            try {
                const done = fresh.run([tool(family, backend, 'restore')], { input });
                if (done.status !== 0)
                    throw new Error(`seed ${seed}: ${done.stderr}\n${input}`);
                const saved = fresh.must([tool(family, backend, 'save')]);
                const kernel = withoutComments(saved);
                // Legacy lists tables in the order of its own memory, newest first.
                const [fromInput] = parseSave(input, { family });
                const ours = backend === 'nft' ? fromInput : { ...fromInput, tables: fromInput.tables.toReversed() };
                expect(printSave(ours, { backend }), `seed ${seed}, from the input`).toBe(kernel);
                const [fromKernel] = parseSave(saved);
                expect(printSave(fromKernel, { backend }), `seed ${seed}, from the kernel's text`).toBe(kernel);
                expect(fromKernel.family).toBe(family);
            }
            finally {
                fresh.close();
            }
        }
    });
    test.skipIf(notRoot)('a restore script turns any rule set into any other', { timeout }, async () => {
        for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
            const random = seeded(1000 + seed);
            const fresh = await freshWith(family);
            try {
                // From nothing, through several sets, back to nothing.
                let held = { family, tables: [] };
                for (let round = 0; round < 4; round += 1) {
                    const base = parseSave(randomSave(random, family, 20), { family })[0];
                    const wanted = round === 3 ? { family, tables: [] } : mixed(random, held, base);
                    const script = restoreScript(held, wanted);
                    const done = fresh.run([tool(family, backend, 'restore'), '--noflush'], { input: script });
                    if (done.status !== 0)
                        throw new Error(`seed ${seed}, round ${round}: ${done.stderr}\n${script}`);
                    const saved = fresh.must([tool(family, backend, 'save')]);
                    held = parseSave(saved, { family })[0] ?? { family, tables: [] };
                    for (const table of wanted.tables)
                        expect(printSave(held, { table: table.name, backend }), `seed ${seed}, round ${round}`).toBe(printSave(wanted, { table: table.name, backend }));
                    for (const table of held.tables)
                        if (!wanted.tables.some(({ name }) => name === table.name))
                            expect(table.chains.every(({ policy, rules }) => policy === 'ACCEPT' && rules.length === 0)).toBe(true);
                    expect(restoreScript(held, wanted)).toBe('');
                }
            }
            finally {
                fresh.close();
            }
        }
    });
});
/** Each extension in its plainest form. */
const PLAINEST = {
    '-m addrtype': '-m addrtype --dst-type LOCAL',
    '-m addrtype (in)': '-m addrtype --dst-type LOCAL --limit-iface-in',
    '-m addrtype (out)': '-m addrtype --dst-type LOCAL --limit-iface-out',
    '-m ah': '-p ah -m ah --ahspi 5',
    '-m bpf': '-m bpf --bytecode "1,6 0 0 0"',
    '-m cgroup': '-m cgroup --cgroup 1',
    '-m cluster': '-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1',
    '-m comment': '-m comment --comment x',
    '-m connbytes': '-m connbytes --connbytes 5 --connbytes-mode bytes --connbytes-dir both',
    '-m connlabel': '-m connlabel --label 5',
    '-m connlimit': '-m connlimit --connlimit-above 5',
    '-m connmark': '-m connmark --mark 1',
    '-m conntrack': '-m conntrack --ctstate NEW',
    '-m cpu': '-m cpu --cpu 0',
    '-m dccp': '-p dccp -m dccp --dport 80',
    '-m devgroup': '-m devgroup --src-group 1',
    '-m devgroup (both)': '-m devgroup --src-group 1 --dst-group 1',
    '-m devgroup (out)': '-m devgroup --dst-group 1',
    '-m dscp': '-m dscp --dscp 46',
    '-m dst': '-m dst',
    '-m ecn': '-m ecn --ecn-ip-ect 1',
    '-m esp': '-p esp -m esp --espspi 5',
    '-m eui64': '-m eui64',
    '-m frag': '-m frag',
    '-m hashlimit': '-m hashlimit --hashlimit-upto 5/sec --hashlimit-name x',
    '-m hbh': '-m hbh',
    '-m helper': '-m helper --helper ftp',
    '-m hl': '-m hl --hl-eq 64',
    '-m icmp': '-p icmp -m icmp --icmp-type 8',
    '-m icmp6': '-p ipv6-icmp -m icmp6 --icmpv6-type 128',
    '-m iprange': '-m iprange --src-range ADDRESS',
    '-m ipv6header': '-m ipv6header --header hop',
    '-m length': '-m length --length 60',
    '-m limit': '-m limit --limit 5/sec',
    '-m mac': '-m mac --mac-source 00:11:22:33:44:55',
    '-m mark': '-m mark --mark 1',
    '-m mh': '-p mh -m mh',
    '-m multiport': '-p tcp -m multiport --dports 80',
    '-m nfacct': '-m nfacct --nfacct-name all',
    '-m osf': '-p tcp -m osf --genre Linux',
    '-m owner': '-m owner --uid-owner 1',
    '-m physdev': '-m physdev --physdev-in eth0',
    '-m physdev (bridged)': '-m physdev --physdev-is-bridged --physdev-out eth0',
    '-m physdev (out)': '-m physdev --physdev-out eth0',
    '-m pkttype': '-m pkttype --pkt-type unicast',
    '-m policy': '-m policy --dir in --pol ipsec',
    '-m policy (out)': '-m policy --dir out --pol ipsec',
    '-m quota': '-m quota --quota 5',
    '-m realm': '-m realm --realm 5',
    '-m recent': '-m recent --set',
    '-m rpfilter': '-m rpfilter',
    '-m rt': '-m rt',
    '-m sctp': '-p sctp -m sctp --dport 80',
    '-m set': '-m set --match-set hosts src',
    '-m socket': '-m socket',
    '-m state': '-m state --state NEW',
    '-m statistic': '-m statistic --mode nth --every 2 --packet 0',
    '-m string': '-m string --string x --algo bm',
    '-m tcp': '-p tcp -m tcp --dport 80',
    '-m tcpmss': '-p tcp -m tcpmss --mss 5',
    '-m time': '-m time --datestop 2030-01-01',
    '-m tos': '-m tos --tos 8',
    '-m ttl': '-m ttl --ttl-eq 64',
    '-m u32': '-m u32 --u32 0=0',
    '-m udp': '-p udp -m udp --dport 80',
    '-j ACCEPT': '-j ACCEPT',
    '-j AUDIT': '-j AUDIT --type accept',
    '-j CHECKSUM': '-j CHECKSUM --checksum-fill',
    '-j CLASSIFY': '-j CLASSIFY --set-class 1:2',
    '-j CONNMARK': '-j CONNMARK --save-mark',
    '-j CONNSECMARK': '-j CONNSECMARK --save',
    '-j CT': '-j CT --zone 1',
    '-j DNAT': '-j DNAT --to-destination ADDRESS',
    '-j DNPT': '-j DNPT --src-pfx fd00::/64 --dst-pfx 2001:db8::/64',
    '-j DROP': '-j DROP',
    '-j DSCP': '-j DSCP --set-dscp 5',
    '-j ECN': '-p tcp -j ECN --ecn-tcp-remove',
    '-j HL': '-j HL --hl-set 5',
    '-j HMARK': '-j HMARK --hmark-tuple src --hmark-mod 5 --hmark-rnd 1',
    '-j IDLETIMER': '-j IDLETIMER --timeout 5 --label x',
    '-j LOG': '-j LOG',
    '-j MARK': '-j MARK --set-mark 1',
    '-j MASQUERADE': '-j MASQUERADE',
    '-j NETMAP': '-j NETMAP --to ADDRESS',
    '-j NFLOG': '-j NFLOG',
    '-j NFQUEUE': '-j NFQUEUE',
    '-j NOTRACK': '-j NOTRACK',
    '-j RATEEST': '-j RATEEST --rateest-name x --rateest-interval 1s --rateest-ewmalog 2s',
    '-j REDIRECT': '-p tcp -j REDIRECT --to-ports 80',
    '-j REJECT': '-j REJECT',
    '-j RETURN': '-j RETURN',
    '-j SET': '-j SET --add-set hosts src',
    '-j SET (map)': '-j SET --map-set hosts src --map-mark',
    '-j SET (map, class)': '-j SET --map-set hosts src --map-prio',
    '-j SNAT': '-j SNAT --to-source ADDRESS',
    '-j SNPT': '-j SNPT --src-pfx fd00::/64 --dst-pfx 2001:db8::/64',
    '-j SYNPROXY': '-p tcp -j SYNPROXY',
    '-j TCPMSS': '-p tcp --syn -j TCPMSS --set-mss 5',
    '-j TCPMSS (clamp)': '-p tcp --syn -j TCPMSS --clamp-mss-to-pmtu',
    '-j TCPOPTSTRIP': '-p tcp -j TCPOPTSTRIP --strip-options 5',
    '-j TEE': '-j TEE --gateway ADDRESS',
    '-j TOS': '-j TOS --set-tos 5',
    '-j TPROXY': '-p tcp -j TPROXY --on-port 80',
    '-j TRACE': '-j TRACE',
    '-j TTL': '-j TTL --ttl-set 5',
};
/**
 * What an ordinary kernel has no module for (QUEUE on the nft back end, LED), or takes only where something else is there
 * that the tests cannot make: a security module. Random rules name no accounting object.
 */
const ELSEWHERE = ['-j LED', '-j QUEUE', '-j SECMARK'];
test('every extension is tried', () => {
    const tried = new Set(Object.keys(PLAINEST).map((title) => title.replace(/ \(.*/, '')));
    const known = [...allMatches.map(({ name }) => `-m ${name}`), ...allTargets.map(({ name }) => `-j ${name}`)];
    expect([...tried, ...ELSEWHERE].sort()).toEqual(known.sort());
    const written = [
        ...Object.keys(MATCH_FORMS).map((name) => `-m ${name}`),
        ...Object.keys(TARGET_FORMS).map((name) => `-j ${name}`),
    ];
    expect([...written, ...ELSEWHERE, '-m nfacct'].sort()).toEqual(known.sort());
});
/** Both families in legacy; of the slower nft back end the one. */
const tried = COMBINATIONS.filter(({ family, backend }) => backend === 'legacy' || family === 'ipv4');
test.skipIf(notRoot).for(tried)('each extension stands where the kernel lets it: $family, $backend', async ({ family, backend }) => {
    const address = family === 'ipv4' ? '10.0.0.1' : '2001:db8::1';
    const differences = [];
    const there = await freshWith(family);
    makeAccountsIn(there);
    const taken = (table, rules) => {
        const input = `*${table}\n${rules.join('\n')}\nCOMMIT\n`;
        return there.run([tool(family, backend, 'restore')], { input }).status === 0;
    };
    for (const table of TABLES) {
        for (const chain of BUILT_IN[table]) {
            // Legacy keeps TRACE to the table raw; the model is that of the nft back end.
            const asked = Object.entries(PLAINEST)
                .filter(([title]) => title !== '-j TRACE' || backend !== 'legacy' || table === 'raw')
                .map(([title, words]) => ({ title, rule: `-A ${chain} ${words.replace('ADDRESS', address)}` }))
                .map((one) => ({ ...one, read: reads(`*${table}\n${one.rule}\nCOMMIT\n`, family) }));
            // Those that are said to be taken, all at once; one by one only where that is not so.
            const all = asked.filter(({ read }) => read);
            const together = taken(table, all.map(({ rule }) => rule));
            for (const { title, rule, read } of asked) {
                const kernel = read && together ? true : taken(table, [rule]);
                if (kernel !== read)
                    differences.push(`${title} in ${table} ${chain}: the kernel ${kernel ? 'takes' : 'refuses'} it`);
            }
        }
    }
    there.close();
    expect(differences).toEqual([]);
});
/** Options at the edges of what the tools take: both back ends by one family each, as they rarely differ. */
test.skipIf(notRoot).for([
    { family: 'ipv4', backend: 'nft' },
    { family: 'ipv6', backend: 'legacy' },
])('every spelling is taken, refused and reprinted as by the tools: $family, $backend', async ({ family, backend }) => {
    const there = await freshWith(family);
    makeAccountsIn(there);
    const differences = [];
    let tried = 0;
    for (const line of spellings()) {
        const [families = '', table = '', chain = '', ...words] = line.split(' ');
        if (!families.includes(family === 'ipv4' ? '4' : '6'))
            continue;
        tried += 1;
        const rule = words.join(' ');
        const input = `*${table}\n-A ${chain} ${rule}\nCOMMIT\n`;
        const taken = there.run([tool(family, backend, 'restore')], { input }).status === 0;
        if (taken !== reads(input, family))
            differences.push(`the kernel ${taken ? 'takes' : 'refuses'} ${rule}`);
        if (!taken)
            continue;
        const kernel = withoutComments(there.must([tool(family, backend, 'save'), '-t', table]));
        const ours = reads(input, family) ? printSave(parseSave(input, { family })[0], { backend }) : kernel;
        if (ours !== kernel)
            differences.push(`${rule} is reprinted as ${kernel.match(/^-A.*/m)?.[0]}`);
        there.run([tool(family, backend, 'restore')], { input: `*${table}\nCOMMIT\n` });
    }
    there.close();
    expect(differences).toEqual([]);
    expect(tried).toBeGreaterThan(300);
});
/** Lines of spellings.txt: families, table, chain, rule. */
const spellings = () => readFileSync(new URL('../cases/spellings.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => /^[46]+ /.test(line));
function reads(input, family) {
    try {
        parseSave(input, { family });
        return true;
    }
    catch (error) {
        if (error instanceof InputRefused)
            return false;
        throw error;
    }
}
test.skipIf(notRoot).for(ipv4)('a restore script leaves counters and other people’s rules alone: $backend', async ({ backend }) => {
    const fresh = await scratch.beside();
    try {
        const restore = tool('ipv4', backend, 'restore');
        const counted = '*nat\n:PREROUTING ACCEPT [0:0]\n[5:600] -A PREROUTING -p tcp -j RETURN\n[7:800] -A PREROUTING -p udp -j RETURN\nCOMMIT\n';
        fresh.must([restore, '--counters'], { input: counted });
        const save = () => fresh.must([tool('ipv4', backend, 'save'), '-c', '-t', 'nat']);
        const [before] = parseSave(save());
        const [after] = parseSave('*nat\n-A PREROUTING -p tcp --dport 8888 -j RETURN\n-A PREROUTING -p tcp -j RETURN\nCOMMIT\n');
        const script = restoreScript(before, after);
        // Somebody else adds a rule between the reading and the writing.
        fresh.must([restore, '--noflush'], { input: '*nat\n-A PREROUTING -p icmp -j RETURN\nCOMMIT\n' });
        fresh.must([restore, '--noflush'], { input: script });
        expect(save().match(/^\[.*/gm)).toEqual([
            '[0:0] -A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN',
            '[5:600] -A PREROUTING -p tcp -j RETURN',
            '[0:0] -A PREROUTING -p icmp -j RETURN',
        ]);
    }
    finally {
        fresh.close();
    }
});
/** Some rules of the one set among those of the other, doubled and moved, so that a script has something to keep. */
function mixed(random, held, base) {
    const tables = base.tables.map((table) => {
        const before = held.tables.find(({ name }) => name === table.name);
        const chains = table.chains.map((chain) => {
            const kept = before?.chains.find(({ name }) => name === chain.name)?.rules ?? [];
            const own = chain.rules;
            const possible = kept.filter(({ target }) => leadsOnlyTo(target, own));
            const rules = [...possible.filter(() => !random.oneIn(4)), ...own, ...possible.filter(() => random.oneIn(4))];
            return { ...chain, rules: random.oneIn(3) ? random.shuffle(rules) : rules };
        });
        return { ...table, chains };
    });
    return { family: base.family, tables };
}
/** Jumps of one set may lead to chains that the other does not have, or in a circle: only those of its own are sure. */
const leadsOnlyTo = (target, own) => target === undefined ||
    !('chain' in target) ||
    own.some((rule) => rule.target && 'chain' in rule.target && rule.target.chain === target.chain);
