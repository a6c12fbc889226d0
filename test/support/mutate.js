/** Pieces that stand at odd places in hostile texts. */
const PIECES = [
    '{',
    '}',
    '(',
    ')',
    ';',
    ',',
    '"',
    '=',
    '!',
    '.',
    ':',
    '-',
    '/',
    '@',
    '*',
    '#',
    '\n',
    '\\',
    '\\\n',
    '\u001b',
    '\u00e9',
    '[',
    ']',
    '&',
    '|',
    '<<',
    ' . ',
    ' : ',
    '0x',
    '99999999999999999999',
    '-1',
    '65536',
    '1.2.3.4',
    '::1',
    'table ',
    'chain ',
    'map ',
    'vmap ',
    'set ',
    'elements = { ',
    'meta ',
    'ct ',
    'tcp option ',
    'to ',
    'accept',
    'jump ',
    'null',
    '{}',
    '[]',
    'true',
    '"expr"',
    '{"elem":',
    '1e400',
    '# handle 5',
    '# xt_tcp ',
    'comment "x"',
]; // prettier-ignore
/** The text with one to four small harms: pieces taken out, put in, doubled, swapped, or the end cut off. */
export function mutated(text, random) {
    let harmed = text;
    for (let left = 1 + random.below(4); left > 0; left -= 1)
        harmed = harm(harmed, random);
    return harmed;
}
function harm(text, random) {
    const at = random.below(text.length + 1);
    const to = Math.min(text.length, at + 1 + random.below(random.oneIn(4) ? 200 : 6));
    switch (random.below(7)) {
        case 0:
            return text.slice(0, at) + text.slice(to);
        case 1:
            return text.slice(0, at) + random.pick(PIECES) + text.slice(at);
        case 2:
            return text.slice(0, at) + random.pick(PIECES) + text.slice(to);
        case 3:
            return text.slice(0, to) + text.slice(at);
        case 4:
            return random.oneIn(3) ? text.slice(0, at) : text.slice(at);
        case 5: {
            const words = text.split(' ');
            const [one, other] = [random.below(words.length), random.below(words.length)];
            const word = words[one];
            words[one] = words[other];
            words[other] = word;
            return words.join(' ');
        }
        default:
            return text.slice(0, at) + random.pick(PIECES).repeat(1 + random.below(200)) + text.slice(at);
    }
}
