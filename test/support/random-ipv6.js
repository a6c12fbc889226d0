import { bang, flagged, numbers, perhaps, shuffled } from './random-words.ts';
const bytes = (random) => random.pick(['0', '8', '24', '0x10', '4294967295']);
const withOptions = (name) => (random) => ({
    words: shuffled(random, perhaps(random, `--${name}-len`, () => bytes(random)), perhaps(random, `--${name}-opts`, () => random.pick(['1', '1:2,3', '5:255', '0x10:0x20,1:0', '256', '4:4']), false)),
});
/** How the matches of IPv6's headers are written at random. */
export const IPV6_FORMS = {
    dst: withOptions('dst'),
    hbh: withOptions('hbh'),
    eui64: () => ({ words: '' }),
    frag: (random) => ({
        words: shuffled(random, perhaps(random, '--fragid', () => numbers(random)), perhaps(random, '--fraglen', () => bytes(random)), flagged(random, '--fragres', '--fragfirst'), random.pick([[], ['--fragmore'], ['--fraglast']])),
    }),
    ipv6header: (random) => ({
        words: shuffled(random, [
            `${bang(random)}--header ${random.some(['hop', 'dst', 'ipv6-route', '44', 'auth', 'esp', 'none', 'protocol', '255'], 4).join(',')}`,
        ], flagged(random, '--soft')),
    }),
    mh: (random) => ({
        protocol: random.pick(['mh', 'ipv6-mh', '135']),
        words: perhaps(random, '--mh-type', () => random.pick(['5', 'brr', 'Binding-Update', 'hoti:cot', ':3', '3:', '0:255', 'careof', '7:7'])).join(' '),
    }),
    // What is of type 0 has to stand behind it.
    rt: (random) => ({
        words: [
            ...(random.oneIn(2)
                ? ['--rt-type 0', ...flagged(random, '--rt-0-res'), ...addresses(random)]
                : perhaps(random, '--rt-type', () => random.pick(['1', '2', '4294967295']))),
            ...perhaps(random, '--rt-segsleft', () => numbers(random)),
            ...perhaps(random, '--rt-len', () => bytes(random)),
        ].join(' '),
    }),
};
const addresses = (random) => random.pick([[], ['--rt-0-addrs ::1,2001:DB8::5'], ['--rt-0-addrs ::ffff:10.0.0.1', '--rt-0-not-strict']]);
