import { bang, flagged, perhaps, shuffled } from './random-words.ts';
/** How the matches that count, or remember, are written at random. */
export const COUNTING_FORMS = {
    quota: (random) => ({
        words: `${bang(random)}--quota ${random.pick(['0', '1000', '0x10', '18446744073709551615'])}`,
    }),
    cpu: (random) => ({ words: `${bang(random)}--cpu ${random.pick(['0', '1', '0x2', '4294967295'])}` }),
    helper: (random) => ({
        words: `${bang(random)}--helper ${random.pick(['ftp', 'ftp-2121', '"a b"', '""', 'x'.repeat(40)])}`,
    }),
    connbytes: (random) => ({
        words: shuffled(random, [
            `${bang(random)}--connbytes ${random.pick(['0', '5', '5:10', ':10', '5:', '7:7', '0:0', '0x10', '5:18446744073709551615'])}`,
        ], [`--connbytes-mode ${random.pick(['packets', 'bytes', 'avgpkt'])}`], [`--connbytes-dir ${random.pick(['original', 'reply', 'both'])}`]),
    }),
    connlabel: (random) => ({
        words: shuffled(random, [`${bang(random)}--label ${random.pick(['0', '5', '127', '0x10', '010'])}`], flagged(random, '--set')),
    }),
    connlimit: (random, family) => ({
        words: shuffled(random, [`${bang(random)}--connlimit-${random.pick(['above', 'upto'])} ${random.pick(['0', '5', '4294967295'])}`], perhaps(random, '--connlimit-mask', () => random.pick(family === 'ipv4' ? ['24', '0', '32', '255.255.0.0', '99'] : ['64', '0', 'ffff:ffff::', '128']), false), random.pick([[], ['--connlimit-saddr'], ['--connlimit-daddr']])),
    }),
    cluster: (random) => {
        const total = 1 + random.below(6);
        const local = 1 + random.below(total);
        return {
            words: shuffled(random, [`--cluster-total-nodes ${total}`], [
                random.oneIn(2)
                    ? `${bang(random)}--cluster-local-node ${local}`
                    : `${bang(random)}--cluster-local-nodemask ${Math.min(32, 2 ** local - 1)}`,
            ], [`--cluster-hash-seed ${random.pick(['1', '0xdeadbeef', '4294967295'])}`]),
        };
    },
    hashlimit: (random, family) => {
        const name = random.pick(['--hashlimit', '--hashlimit-upto', '--hashlimit-above']);
        const rate = random.pick([
            () => [
                `${bang(random)}${name} ${1 + random.below(200)}/${random.pick(['s', 'second', 'min', 'hour', 'SEC'])}`,
                ...perhaps(random, '--hashlimit-burst', () => String(1 + random.below(30)), false),
                ...(random.oneIn(4) ? ['--hashlimit-rate-match', '--hashlimit-rate-interval 5'] : []),
            ],
            () => [`${bang(random)}${name} ${1 + random.below(4000)}${random.pick(['kb', 'mb', '0b'])}/s`],
            () => [`${name} 512kb/s`, `--hashlimit-burst ${random.pick(['512kb', '600kb', '1mb', '600000'])}`],
        ])();
        const most = family === 'ipv4' ? 32 : 128;
        return {
            words: shuffled(random, rate, 
            // Rules that share a table take the first one's settings.
            [`--hashlimit-name t${random.below(1e9)}`], perhaps(random, '--hashlimit-mode', () => random.pick(['srcip', 'dstip,srcport', 'dstport,srcip,dstip,srcport', 'srcip,']), false), perhaps(random, '--hashlimit-srcmask', () => String(random.below(most + 1)), false), perhaps(random, '--hashlimit-dstmask', () => String(random.below(most + 1)), false), perhaps(random, '--hashlimit-htable-size', () => random.pick(['0', '100']), false), perhaps(random, '--hashlimit-htable-max', () => random.pick(['0', '100']), false), perhaps(random, '--hashlimit-htable-gcinterval', () => random.pick(['1000', '500']), false), perhaps(random, '--hashlimit-htable-expire', () => random.pick(['1000', '10000', '15000', '60000']), false)),
        };
    },
};
