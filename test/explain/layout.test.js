import { describe, expect, test } from 'vitest';
import { faint, layOut, line, paragraph, plainText, strong, table, typed, } from '../../src/explain/index.ts';
describe('a table', () => {
    const screen = [
        table([
            ['PREROUTING', '1  -p tcp -j ISTIO_INBOUND', '✓'],
            ['', '2  -p udp --dport 53 -j REDIRECT --to-ports 15053', '·', 'protocol tcp is not udp'],
        ]),
    ];
    test('lines its columns up', () => {
        expect(plainText(screen)).toBe([
            'PREROUTING  1  -p tcp -j ISTIO_INBOUND                         ✓',
            '            2  -p udp --dport 53 -j REDIRECT --to-ports 15053  ·  protocol tcp is not udp',
            '',
        ].join('\n'));
    });
    test('breaks at columns where it is too wide, under the text of the rule; a long cell does not push the others out', () => {
        expect(plainText(screen, 66)).toBe([
            'PREROUTING  1  -p tcp -j ISTIO_INBOUND  ✓',
            '            2  -p udp --dport 53 -j REDIRECT --to-ports 15053',
            '               ·  protocol tcp is not udp',
            '',
        ].join('\n'));
    });
    test('leaves an optional column out rather than break', () => {
        const rows = [['nat', '-p tcp -j ISTIO_INBOUND', 'what arrives is looked at in one chain']];
        const reasoned = [table(rows, { optional: 2 })];
        expect(plainText(reasoned, 80)).toContain('one chain');
        expect(plainText(reasoned, 60)).toBe('nat  -p tcp -j ISTIO_INBOUND\n');
    });
    test.for([20, 24, 30, 40, 60, 80])('never gets wider than %i columns, unless a word is', (width) => {
        const longest = Math.max(...'PREROUTING ISTIO_INBOUND --to-ports protocol'.split(' ').map((word) => word.length));
        for (const text of plainText(screen, width).split('\n')) {
            expect([...text].length).toBeLessThanOrEqual(Math.max(width, longest + 16));
        }
    });
    test('keeps a mark and what it is about on one line, and cuts a word that is wider than its column', () => {
        const rows = [
            ['PREROUTING', '1  --comment aaaaaaaaaaaaaaaaaaaaaaaaaaaa', '✓', 'what arrives is looked at in one chain'],
        ];
        expect(plainText([table(rows)], 30)).toBe([
            'PREROUTING  1  --comment',
            '               aaaaaaaaaaaaaaa',
            '               aaaaaaaaaaaaa',
            '               ✓  what arrives',
            '                  is looked at',
            '                  in one chain',
            '',
        ].join('\n'));
    });
    test('lets a very long cell run over its column in a pipe, where there is no width', () => {
        const long = 'tcp to port 8888, '.repeat(20);
        const rows = [
            ['inbound', long, 'the app'],
            ['outbound', 'tcp', 'the proxy'],
        ];
        expect(plainText([table(rows)])).toBe(`inbound   ${long}  the app\noutbound  tcp  the proxy\n`);
    });
    test('does not give a column room for a cell that is last in its row', () => {
        const rows = [
            ['a', 'a cell that nothing follows'],
            ['b', 'c', 'd'],
        ];
        expect(plainText([table(rows)])).toBe('a  a cell that nothing follows\nb  c  d\n');
    });
});
test('a paragraph breaks at spaces and hangs', () => {
    const text = 'Connections that are open now stay with the proxy until they close.';
    expect(plainText([paragraph(text, 2)], 30)).toBe('Connections that are open now\n  stay with the proxy until\n  they close.\n');
});
describe('a command that a person may copy', () => {
    const mend = 'sidestep init --reconcile --netns pod';
    test('stands beside its words where there is room', () => {
        expect(plainText([paragraph(line('Mend it: ', typed(mend), '.'))], 80)).toBe(`Mend it: ${mend}.\n`);
    });
    test('is never broken: what comes first of it would do something else', () => {
        expect(plainText([paragraph(line('Mend it: ', typed(mend), ' does it.'))], 30)).toBe(`Mend it:\n${mend}\ndoes it.\n`);
        expect(plainText([table([['1', 'high', line('Mend it: ', typed(mend))]])], 30)).toContain(`${mend}\n`);
    });
});
test('tones travel beside the words, through a break too', () => {
    const [first, second] = layOut([paragraph(line(strong('one two'), ' ', faint('three')))], 7);
    expect(first).toEqual([
        { text: 'one', tone: 'strong' },
        { text: ' ', tone: 'strong' },
        { text: 'two', tone: 'strong' },
    ]);
    expect(second).toEqual([{ text: 'three', tone: 'faint' }]);
});
test('nothing reaches a terminal raw: escape sequences, carriage returns, C1 controls, turned writing', () => {
    const hostile = 'eth0\x1b[2J\r\x9b31m\u202egnp.exe';
    for (const screen of [[paragraph(hostile)], [table([[hostile, 'x']])]]) {
        const text = plainText(screen);
        expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
        expect(text).toContain('eth0\\x1b[2J\\x0d\\x9b31m\\u202egnp.exe');
    }
});
