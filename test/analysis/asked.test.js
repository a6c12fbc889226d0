import { expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { reach } from '../../src/analysis/index.ts';
import { spoken } from '../../src/explain/moved.ts';
import { asWritten, dialectOf, routingWithin } from '../../src/interception/index.ts';
import { randomInterception, seeded } from '../interception/random.ts';
import { askedOf, cutsFor } from './asked.ts';
import { POD } from './hosts.ts';
/** How many random interceptions are written and held against what they ask for. */
const INTERCEPTIONS = Number(process.env.INTERCEPTIONS ?? 60);
test('what an interception turns is what its options ask for, of all packets', () => {
    for (let seed = 0; seed < INTERCEPTIONS; seed += 1) {
        const random = randomInterception(seeded(seed));
        const native = random.dialect === 'istio' && seed % 3 === 0;
        const i = native ? { ...random, dialect: 'istio-nft' } : random;
        // What the native form says of neither family holds for both, also where one is not wanted.
        for (const family of native ? random.families : FAMILIES)
            for (const direction of ['in', 'out']) {
                const wrong = differing(i, family, direction);
                if (wrong.length > 0)
                    expect.fail(`seed ${seed}, ${family}, ${direction}: ${wrong.join('\n')}\n${JSON.stringify(i, undefined, 1)}`);
            }
    }
}, 60_000 + INTERCEPTIONS * 2000);
function differing(i, family, direction) {
    const program = dialectOf(i.dialect).write(i);
    const snapshot = routingWithin({ ...POD, ...asWritten(program, 'asked') }, program.routing);
    const proxyPorts = [i.inboundPort, i.outboundPort, i.dns.port];
    const reached = reach({ snapshot, proxyPorts }, family, direction, cutsFor(i, family));
    const speak = (packets) => {
        // REDIRECT turns what is sent to an address of the link, of a site, or made of an IPv4 address to a card's address of that
        // kind, and the cards have none.
        const spokenOf = spoken(packets, snapshot, family).opening;
        const opening = family === 'ipv4' ? spokenOf : spokenOf.minus(spokenOf.where(OTHER_KINDS));
        // Nothing has marked what comes from elsewhere; TPROXY's own marks are no program's.
        const marked = [i.tproxy.mark, 1338].map((value) => opening.where({ ...UNMARKED, value }));
        const all = direction === 'in' ? opening.where(UNMARKED) : marked.reduce((left, set) => left.minus(set), opening);
        const called = proxyPorts.map((port) => all.where({ kind: 'in', field: 'destinationPort', ranges: [[port, port]] }));
        return called.reduce((left, set) => left.minus(set), all);
    };
    const whole = reached.map(({ possibly }) => speak(possibly)).reduce((one, other) => one.or(other));
    const asked = askedOf(i, whole, family, direction);
    return [...new Set(proxyPorts)].flatMap((port) => {
        const none = whole.minus(whole);
        const wanted = asked.filter(([to]) => to === port).reduce((set, [, more]) => set.or(more), none);
        const is = reached
            .filter(({ end }) => (end.kind === 'proxy' || end.kind === 'nobody listens') && end.port === port)
            .reduce((set, { possibly }) => set.or(speak(possibly)), none);
        const [missed, extra] = [wanted.minus(is).witness(), is.minus(wanted).witness()];
        return [
            ...(missed
                ? [
                    `port ${port} is not reached by ${words(missed.packet)}: ${reached.filter((one) => one.possibly.holds(missed)).map(({ end }) => `${end.key}: ${end.because}`)}`,
                ]
                : []),
            ...(extra ? [`port ${port} is reached by ${words(extra.packet)}`] : []),
        ];
    });
}
const OTHER_KINDS = {
    kind: 'in',
    field: 'destination',
    ranges: [
        [0n, 0xffffffffn],
        [0xfe80n << 112n, (0xff00n << 112n) - 1n],
    ],
};
const UNMARKED = { kind: 'bits', field: 'mark', mask: 0xffff_ffff, value: 0 };
const words = (packet) => JSON.stringify(packet, (_, value) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value));
