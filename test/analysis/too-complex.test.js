import { describe, expect, test } from 'vitest';
import { boxesOf, difference, reach, TooComplex } from '../../src/analysis/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { seeded } from '../support/random.ts';
// Rules that nobody has, made to be hard: an answer comes all the same, in bounded time and memory.
const random = seeded(5);
const some = (length, line) => Array.from({ length }, (_, at) => line(at));
const net = () => `${random.below(224)}.${random.below(256)}.0.0/${4 + random.below(14)}`;
const ports = () => `${random.below(30_000)}:${30_000 + random.below(30_000)}`;
const verdict = (at) => (at % 2 === 0 ? 'ACCEPT' : 'DROP');
const bit = (at) => 2 ** (at % 30);
const HARD = {
    'many fields that have nothing to do with each other': [
        '*filter',
        ...some(1500, (at) => `-A INPUT -s ${net()} -d ${net()} -p tcp -m tcp --sport ${ports()} --dport ${ports()} -m ttl --ttl-gt ${random.below(255)} -m length --length ${random.below(700)}:1400 -j ${verdict(at)}`),
    ],
    'a chain that is called twice by each before it, and turns a bit': [
        '*filter',
        ...some(40, (at) => `:C${at} - [0:0]`),
        '-A INPUT -p udp -j ACCEPT',
        '-A INPUT -j C0',
        ...some(39, (at) => at.toString()).flatMap((at) => [
            `-A C${at} -p tcp -m tcp --dport ${random.below(60_000)}:65535 -j C${Number(at) + 1}`,
            `-A C${at} -s ${net()} -j C${Number(at) + 1}`,
            `-A C${at} -m mark --mark ${bit(Number(at))}/${bit(Number(at))} -j MARK --set-xmark ${bit(Number(at) * 7)}/0`,
        ]),
        '-A C39 -m mark --mark 5/7 -j DROP',
    ],
    'marks that are thrown like dice': [
        '*mangle',
        ...some(24, (at) => `-A PREROUTING -m statistic --mode random --probability 0.5 -j MARK --set-xmark ${bit(at)}/0`),
        'COMMIT',
        '*filter',
        ...some(60, (at) => `-A INPUT -m mark --mark ${random.below(2 ** 24)}/${random.below(2 ** 24)} -j ${verdict(at)}`),
    ],
    'destinations that are rewritten, and looked at again': [
        '*nat',
        ...some(400, () => `-A PREROUTING -s ${net()} -p tcp -m tcp --dport ${ports()} -j DNAT --to-destination 10.0.${random.below(250)}.7:${1 + random.below(60_000)}`),
        'COMMIT',
        '*filter',
        ...some(400, (at) => `-A FORWARD -d 10.0.${random.below(250)}.0/24 -p tcp -m tcp --dport ${ports()} -j ${verdict(at)}`),
    ],
};
const sideOf = (lines) => ({
    snapshot: {
        origin: 'a file',
        held: parseSave(`${lines.join('\n')}\nCOMMIT\n`).map((rules) => ({ backend: 'nft', rules })),
    },
    proxyPorts: [],
});
/** Seconds of processor time: several times what it takes. */
const SECONDS = 40;
const MEGABYTES = 700;
describe('rules made to be hard', () => {
    test.for(Object.entries(HARD))('%s', { timeout: 600_000 }, ([, lines]) => {
        const [began, held] = [process.cpuUsage(), process.memoryUsage().rss];
        const reached = reach(sideOf(lines), 'ipv4', 'in');
        const { user } = process.cpuUsage(began);
        expect(user / 1e6).toBeLessThan(SECONDS);
        expect((process.memoryUsage().rss - held) / 2 ** 20).toBeLessThan(MEGABYTES);
        // Nothing is left out: what is not known is said to be so.
        const all = reached.map(({ possibly }) => possibly).reduce((one, other) => one.or(other));
        expect(all.not().isEmpty).toBe(true);
    });
    test('what was found before is told, and what is left is unknown because it is too complex', () => {
        const reached = reach(sideOf(HARD['a chain that is called twice by each before it, and turns a bit']), 'ipv4', 'in');
        const unknown = reached.filter(({ end }) => end.kind === 'unknown' && /^too complex: /.test(end.because));
        expect(unknown).toHaveLength(1);
        expect(reached.filter(({ end, surely }) => end.kind === 'dropped' && !surely.isEmpty)).toEqual([]);
    }, 600_000);
    test('chains that call one another without end are too complex, and the program does not break', () => {
        const chains = some(30_000, (at) => `:C${at} - [0:0]`);
        const calls = some(29_999, (at) => `-A C${at} -p tcp -m tcp ! --dport ${at} -j C${at + 1}`);
        const side = sideOf(['*filter', ...chains, '-A INPUT -j C0', ...calls]);
        expect(() => reach(side, 'ipv4', 'in')).toThrow(/^too complex: chains call one another more than 256 times in a row/);
    });
    test('a set that is too complex to be put in words is said to be more than what was found', () => {
        const [{ possibly } = expect.fail()] = reach(sideOf(['*filter', '-A INPUT -s 10.0.0.0/8 -j DROP']), 'ipv4', 'in');
        const { space } = possibly;
        space.diagram.and = () => {
            throw new TooComplex('for this test');
        };
        expect(boxesOf(possibly)).toEqual({ boxes: [], complete: false, others: false });
    });
    test('rules that are too complex to be compared are not said to be alike', () => {
        const side = sideOf(HARD['marks that are thrown like dice']);
        const other = sideOf([...HARD['marks that are thrown like dice'], '-A INPUT -p tcp -j DROP']);
        expect(() => difference(side, other, 'ipv4', 'in')).toThrow(TooComplex);
        const changes = difference(side, other, 'ipv4', 'in', [], { far: true });
        expect(changes.length).toBeGreaterThan(0);
        expect(changes.every(({ surely }) => surely.isEmpty)).toBe(true);
    }, 600_000);
});
