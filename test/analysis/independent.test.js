import { expect, test } from 'vitest';
import { difference, reach } from '../../src/analysis/index.ts';
import { makePacket } from '../../src/netfilter/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { seeded } from '../support/random.ts';
import { acceptedBy, PACKETS, packetAt, randomTable, savedTable } from './truth-tables.ts';
/** How many random rule sets are decided by both procedures. */
const RULE_SETS = Number(process.env.RULE_SETS ?? 25);
/** Milliseconds: a rule set takes a fraction of a second, where nothing else runs. */
const LIMIT = 600_000 + 2000 * RULE_SETS;
const sideOf = (text) => ({
    snapshot: { origin: 'small', held: parseSave(text).map((rules) => ({ backend: 'nft', rules })) },
    proxyPorts: [],
});
const questionAt = (number) => {
    const { source, destination, port, udp, other } = packetAt(number);
    return {
        packet: makePacket({
            family: 'ipv4',
            in: other ? 'eth1' : 'eth0',
            source: 0x0a00_0000 + source,
            destination: 0x0a00_0000 + destination,
            protocol: udp ? 17 : 6,
            sourcePort: 40_000,
            destinationPort: port,
        }),
    };
};
const QUESTIONS = Array.from({ length: PACKETS }, (_, number) => questionAt(number));
test('truth tables of all packets of a small universe say the same', () => {
    for (let seed = 0; seed < RULE_SETS; seed += 1) {
        const table = randomTable(seeded(seed));
        const text = savedTable(table);
        const accepted = acceptedBy(table);
        const app = reach(sideOf(text), 'ipv4', 'in').find(({ end }) => end.kind === 'app');
        for (const [number, question] of QUESTIONS.entries()) {
            const found = app?.surely.holds(question) ?? false;
            if (found !== (accepted[number] === 1))
                expect.fail(`seed ${seed}: ${JSON.stringify(packetAt(number))} is ${found ? '' : 'not '}accepted\n${text}`);
        }
    }
}, LIMIT);
test('they say the same of what two rule sets do differently', () => {
    for (let seed = 0; seed < RULE_SETS; seed += 1) {
        const [one, other] = [randomTable(seeded(seed)), randomTable(seeded(seed + 1_000_000))];
        const changes = difference(sideOf(savedTable(one)), sideOf(savedTable(other)), 'ipv4', 'in');
        const sets = changes.map(({ surely }) => surely);
        const [before, after] = [acceptedBy(one), acceptedBy(other)];
        for (const [number, question] of QUESTIONS.entries()) {
            const found = sets.some((set) => set.holds(question));
            if (found !== (before[number] !== after[number]))
                expect.fail(`seed ${seed}: ${JSON.stringify(packetAt(number))}`);
        }
    }
}, LIMIT);
