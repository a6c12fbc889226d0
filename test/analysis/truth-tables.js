// An independent decision procedure, which shares nothing with what it judges: rules over a universe of 2^14 packets, each
// condition a table of all their answers. Its rules are its own; iptables' words for them are only printed.
/** Packets by number: the bits of the source's last four, the destination's last four, the port's, the protocol and the interface. */
export const PACKETS = 1 << 14;
export const packetAt = (number) => ({
    source: number & 15,
    destination: (number >> 4) & 15,
    port: (number >> 8) & 15,
    udp: ((number >> 12) & 1) === 1,
    other: ((number >> 13) & 1) === 1,
});
const CHAINS = ['INPUT', 'A', 'B', 'C'];
const net = (random, option, of) => {
    const length = random.below(5);
    const value = (random.below(16) >> (4 - length)) << (4 - length);
    const bang = length > 0 && random.oneIn(4);
    return {
        words: `${bang ? '! ' : ''}${option} 10.0.0.${value}/${28 + length}`,
        holds: (packet) => (of(packet) >> (4 - length) === value >> (4 - length)) !== bang,
    };
};
const ports = (random) => {
    const low = random.below(16);
    const high = low + random.below(16 - low);
    const [udp, bang] = [random.oneIn(3), random.oneIn(4)];
    const name = udp ? 'udp' : 'tcp';
    return [
        { words: `-p ${name} -m ${name}`, holds: (packet) => packet.udp === udp },
        { words: `${bang ? '! ' : ''}--dport ${low}:${high}`, holds: ({ port }) => (port >= low && port <= high) !== bang },
    ];
};
const card = (random) => {
    const [other, bang] = [random.oneIn(2), random.oneIn(3)];
    return { words: `${bang ? '! ' : ''}-i eth${other ? 1 : 0}`, holds: (packet) => (packet.other === other) !== bang };
};
const marked = (random) => {
    const [mask, bang] = [1 + random.below(3), random.oneIn(3)];
    const value = random.below(4) & mask;
    return {
        words: `-m mark ${bang ? '! ' : ''}--mark ${value}/${mask}`,
        holds: (_, mark) => ((mark & mask) === value) !== bang,
    };
};
function randomTarget(random, chain) {
    const later = CHAINS.slice(CHAINS.indexOf(chain) + 1).flatMap((name) => [`-j ${name}`, `-g ${name}`]);
    return random.pick([
        ...later,
        ...later,
        '-j ACCEPT',
        '-j DROP',
        '-j DROP',
        '-j RETURN',
        `-j MARK --set-xmark ${random.below(4)}/${1 + random.below(3)}`,
    ]);
}
export function randomTable(random) {
    const chains = new Map(CHAINS.map((name) => [name, []]));
    for (let count = 3 + random.below(14); count > 0; count -= 1) {
        const chain = random.pick(CHAINS);
        const conditions = [
            ...(random.oneIn(2) ? [net(random, '-s', ({ source }) => source)] : []),
            ...(random.oneIn(2) ? [net(random, '-d', ({ destination }) => destination)] : []),
            ...(random.oneIn(4) ? [card(random)] : []),
            ...(random.oneIn(2) ? ports(random) : []),
            ...(random.oneIn(4) ? [marked(random)] : []),
        ];
        chains.get(chain).push({ conditions, target: randomTarget(random, chain) });
    }
    return { chains, policy: random.oneIn(2) ? 'DROP' : 'ACCEPT' };
}
/** The table as iptables-save would print it: in mangle, where marks may be set. */
export function savedTable({ chains, policy }) {
    const lines = [...chains].flatMap(([chain, rules]) => rules.map(({ conditions, target }) => ['-A', chain, ...conditions.map(({ words }) => words), target].join(' ')));
    const declared = CHAINS.slice(1).map((name) => `:${name} - [0:0]`);
    return ['*mangle', `:INPUT ${policy} [0:0]`, ...declared, ...lines, 'COMMIT', ''].join('\n');
}
/** For each packet, whether the table lets it pass. */
export function acceptedBy({ chains, policy }) {
    const passes = new Uint8Array(PACKETS);
    for (let number = 0; number < PACKETS; number += 1) {
        const packet = packetAt(number);
        let mark = 0;
        /** True and false are verdicts; undefined: back to the caller. */
        const run = (name) => {
            for (const { conditions, target } of chains.get(name)) {
                if (!conditions.every(({ holds }) => holds(packet, mark)))
                    continue;
                const [flag, what = '', , change = ''] = target.split(' ');
                if (what === 'ACCEPT')
                    return true;
                if (what === 'DROP')
                    return false;
                if (what === 'RETURN')
                    return undefined;
                if (what === 'MARK') {
                    const [value = 0, mask = 0] = change.split('/').map(Number);
                    mark = (mark & ~mask) ^ value;
                    continue;
                }
                const verdict = run(what);
                if (verdict !== undefined || flag === '-g')
                    return verdict;
            }
            return undefined;
        };
        passes[number] = (run('INPUT') ?? policy === 'ACCEPT') ? 1 : 0;
    }
    return passes;
}
