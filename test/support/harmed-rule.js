/** Words that are wrong in most places where they may end up, and right in some. */
const STRAY = [
    '!',
    '-1',
    '0',
    '1',
    '255',
    '256',
    '65535',
    '65536',
    '4294967295',
    '4294967296',
    '0x1f',
    '010',
    '80:90',
    '90:80',
    ':',
    '80,443',
    '10.0.0.0/8',
    '10.0.0.1/33',
    '10.0.0.1/255.0.255.0',
    '2001:db8::/32',
    '::1/129',
    'NEW,ESTABLISHED',
    'tcp',
    'udp',
    'icmp',
    'ipv6-icmp',
    'ACCEPT',
    'eth0',
    'eth+',
    '-p',
    '-s',
    '-i',
    '-o',
    '-m',
    '-j',
    '--dport',
    '--syn',
    '--ctstate',
];
/** A rule with one or two things wrong with it, or perhaps nothing: a word lost, doubled, swapped, changed, put in or negated. */
export function harmedRule(random, rule) {
    let words = rule.match(/"(?:\\.|[^"])*"|\S+/g) ?? [];
    for (let count = 1 + random.below(2); count > 0; count -= 1)
        words = once(random, words);
    return words.join(' ');
}
function once(random, words) {
    const at = random.below(words.length + 1);
    const before = words.slice(0, at);
    const [word = '', ...after] = words.slice(at);
    switch (random.below(7)) {
        case 0:
            return [...before, ...after];
        case 1:
            return [...before, word, word, ...after];
        case 2:
            return [...before, ...after.slice(0, 1), word, ...after.slice(1)];
        case 3:
            return [...before, random.pick(STRAY), ...after];
        case 4:
            return [...before, '!', word, ...after];
        case 5:
            return [...before, word.replace(/\d+/, (digits) => number(random, digits)), ...after];
        default:
            return [...before, random.pick(STRAY), word, ...after];
    }
}
const number = (random, digits) => random.pick([`${Number(digits) + 1}`, `${Number(digits) - 1}`, `${digits}0`, `0${digits}`, `${digits}x`, '']);
