import { expect, test } from 'vitest';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, trace } from '../../src/trace/index.ts';
import { textCases } from '../support/cases.ts';
import { walkText } from '../support/walk-text.ts';
/** The packet stands in the first line, `proxy PORT` in the second where there is one, the rules after them. */
function walk(input) {
    const [expression = '', ...lines] = input.split('\n');
    const proxyPorts = lines.flatMap((line) => (line.startsWith('proxy ') ? line.slice(6).split(' ').map(Number) : []));
    const sets = parseSave(lines.filter((line) => !line.startsWith('proxy ')).join('\n'), { keepGoing: true });
    const snapshot = { origin: 'case', held: sets.map((rules) => ({ backend: 'nft', rules })) };
    return walkText(trace(snapshot, parseQuestion(expression, snapshot), proxyPorts));
}
test.for([
    ...textCases('trace/walks.txt'),
    ...textCases('trace/replies.txt'),
    ...textCases('trace/errors.txt'),
    ...textCases('trace/outgoing.txt'),
])('$title', ({ input, expected }) => {
    expect(walk(input)).toBe(expected);
});
