export const bang = (random) => (random.oneIn(3) ? '! ' : '');
export const randomAddress = (random, family) => family === 'ipv4'
    ? [10 + random.below(3), random.below(3), random.below(256), random.below(256)].join('.')
    : random.pick([
        '::1',
        'fe80::',
        '2001:db8::5',
        '2001:db8:0:0:1::',
        '::ffff:10.0.0.1',
        'ff02::1',
        '1:2:3:4:5:6:7:8',
    ]);
/** An option with a value, in or left out, negated or not. */
export const perhaps = (random, name, make, negatable = true) => random.oneIn(2) ? [`${negatable ? bang(random) : ''}${name} ${make()}`] : [];
export const flagged = (random, ...names) => names.filter(() => random.oneIn(3));
/** Options in a random order: the kernel has one of its own. */
export const shuffled = (random, ...options) => random.shuffle(options.flat()).join(' ');
export const atLeastOne = (random, make) => {
    for (;;) {
        const options = make().flat();
        if (options.length > 0)
            return random.shuffle(options).join(' ');
    }
};
/** Numbers of 32 bits and ranges of them; one may hold all, or stand the wrong way round. */
export const numbers = (random) => random.pick(['5', '0x10', '5:9', ':9', '9:', '9:5', '0:4294967295', '7:7', String(random.below(100_000))]);
