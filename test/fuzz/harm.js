import { mutated } from '../support/mutate.ts';
/** Numbers that are too large, or nearly. */
const HUGE = [
    '99999999999999999999999999',
    '4294967296',
    '18446744073709551616',
    '1e400',
    '-9223372036854775809',
    '0x1p9',
];
/** What stands open, and would have to be closed. */
const OPENING = [
    '(',
    '{',
    '[',
    '{"a":',
    '"',
    '`',
    '$(',
    'if true; then ',
    'table ip t { chain c {',
    '! ',
    '-m tcp ',
    'about ',
];
/** Lines lost, doubled, swapped, or from elsewhere. */
function lineHarmed(text, other, random) {
    const lines = text.split('\n');
    const at = random.below(lines.length);
    const from = other.split('\n');
    switch (random.below(4)) {
        case 0:
            lines.splice(at, 1 + random.below(3));
            break;
        case 1:
            lines.splice(at, 0, ...lines.slice(at, at + 1 + random.below(3)));
            break;
        case 2:
            lines.push(...lines.splice(at, 1));
            break;
        default:
            lines.splice(at, 0, ...from.slice(random.below(from.length)).slice(0, 1 + random.below(8)));
    }
    return lines.join('\n');
}
/** Single bytes changed, and the text read from them as a file is: what is not UTF-8 is replaced. */
function bytesHarmed(text, random) {
    const bytes = Buffer.from(text);
    for (let left = 1 + random.below(8); left > 0 && bytes.length > 0; left -= 1)
        bytes[random.below(bytes.length)] = random.pick([random.below(256), 0, 10, 13, 0x80, 0xff]);
    return bytes.toString('utf8');
}
/** Another piece of text put in at a random place. */
function inserted(text, piece, random) {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + piece + text.slice(at);
}
/** A piece of the text many times over. */
function repeated(text, random) {
    const at = random.below(text.length + 1);
    const piece = text.slice(at, at + 1 + random.below(40));
    if (piece === '')
        return text;
    const most = random.oneIn(4) ? 100_000 : 2000;
    return text.slice(0, at) + piece.repeat(1 + random.below(most / piece.length)) + text.slice(at);
}
/** A text with something wrong with it. `other` is a text of any format, of which parts may be spliced in. */
export function harmed(text, other, random) {
    switch (random.below(13)) {
        case 0:
        case 1:
            return lineHarmed(text, other, random);
        case 2:
            return bytesHarmed(text, random);
        case 3:
            return inserted(text, random.pick(OPENING).repeat(1 + random.below(random.oneIn(8) ? 20_000 : 50)), random);
        case 4:
            return inserted(text, random.pick(['a', '-', '9', 'é', ' ', '\t', '.0', ',1', ':']).repeat(1 + random.below(100_000)), random);
        case 5:
            return text.replaceAll('\n', random.pick(['\r\n', '\r', '\n\n', '\0\n', '\u2028', ' \\\n']));
        case 6:
            return text.replace(/\d+/g, (digits) => (random.oneIn(20) ? random.pick(HUGE) : digits));
        case 7:
            return text.slice(0, random.below(text.length + 1));
        case 8:
            return inserted(text, random.pick(['\0', '\ufeff', '\ud800', '\u001b[2J', '\u202e', '__proto__', 'constructor']), random);
        case 9:
            return text + other;
        case 10:
            return repeated(text, random);
        default:
            return mutated(text, random);
    }
}
