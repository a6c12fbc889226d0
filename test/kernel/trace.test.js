import { expect, test } from 'vitest';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { matchedIn, packetCounts, sum } from '../support/counters.ts';
import { readKernelCases } from '../support/kernel-case.ts';
import { ORDINARY_USER } from '../support/namespace.ts';
import { foretold, observed, openLaboratory, written } from '../support/observe.ts';
const root = process.getuid?.() === 0;
/**
 * An ordinary user's namespaces know one user only (the kernel refuses rules about another) and keep the legacy back
 * end's lock out of reach: there, packets from elsewhere through the nft back end are compared. Root compares all, and
 * some of those as an ordinary user too.
 */
const asOrdinaryUser = (all) => all
    .filter(({ backend }) => backend === 'nft')
    .filter(({ ip, rules }) => ![...ip, ...rules.map(({ text }) => text)].some((text) => /--[ug]id-owner|uidrange/.test(text)))
    .map((from) => ({ ...from, packets: from.packets.filter(({ expression }) => expression.startsWith('in ')) }));
const every = readKernelCases('kernel');
const cases = root ? every : asOrdinaryUser(every);
test('there are enough cases to mean something', () => {
    expect(every.length).toBeGreaterThanOrEqual(30);
    expect(every.reduce((count, { packets }) => count + packets.length, 0)).toBeGreaterThanOrEqual(200);
});
/** Real packets, and what the trace says of each: both in one line, so that a difference shows which packet it is. */
async function compare(from, options = {}) {
    const laboratory = await openLaboratory(from, options);
    try {
        const trace = prepare(laboratory.snapshot, from.proxyPorts);
        const results = await Promise.all(from.packets.map(async ({ expression, line }) => {
            const told = trace(parseQuestion(expression, laboratory.snapshot));
            const answer = await laboratory.send(told);
            const place = `${from.file}:${line}: ${expression} = ${written(told.outcome)}: `;
            return {
                outcome: written(told.outcome),
                told: place + foretold(told),
                seen: place + observed(answer, told),
                trace: told,
            };
        }));
        // What nft itself made may keep iptables-save from printing anything.
        const counted = from.countsNat ? packetCounts(laboratory.pod, from.backend) : new Map();
        return { results, counted };
    }
    finally {
        laboratory.close();
    }
}
// On a machine so busy that an answer comes too late, a case gets a second try in fresh namespaces.
test.concurrent.for(cases)('$file: $title', { retry: 1 }, (from, { expect }) => agree(from, {}, expect));
const asUser = asOrdinaryUser(every).filter(({ file }) => /^(tproxy-listeners|goto-and-return|reject-ipv4)/.test(file));
test.runIf(root).concurrent.for(asUser)('as an ordinary user: $file', { retry: 1 }, (from, { expect }) => agree(from, { user: ORDINARY_USER }, expect));
async function agree(from, options, expect) {
    const { results, counted } = await compare(from, options);
    // The trace against the kernel, then against what the case says.
    expect(results.map(({ told }) => told)).toEqual(results.map(({ seen }) => seen));
    expect(results.map(({ outcome }) => outcome)).toEqual(from.packets.map(({ expected }) => expected));
    // nat is asked once a connection, so its counters tell exactly which rules matched, whatever else was sent.
    if (from.countsNat)
        expect(nat(sum(results.map(({ trace }) => matchedIn(trace))))).toEqual(nat(counted));
}
const nat = (counts) => Object.fromEntries([...counts].filter(([rule]) => / nat /.test(rule)).sort());
