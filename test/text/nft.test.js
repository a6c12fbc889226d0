import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseNft, parseNftJson, parseSnapshot, printNft, printSnapshot, readInput } from '../../src/text/index.ts';
import { shownByBoth } from '../support/nft-shown.ts';
const FOLDER = new URL('../cases/nft/', import.meta.url);
const names = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));
const read = (file) => readFileSync(new URL(file, FOLDER), 'utf8');
describe('what nft lists', () => {
    test.each(names)('%s: its text and its JSON are the same', (name) => {
        expect(shownByBoth(parseNft(read(`${name}.txt`)))).toEqual(shownByBoth(parseNftJson(read(`${name}.json`))));
    });
    test.each(names)('%s: its text is printed back as it stands', (name) => {
        const text = read(`${name}.txt`);
        expect(printNft(parseNft(text), { state: true })).toBe(text);
    });
    test.each(names)('%s: what was read from JSON is the same after it was printed and read again', (name) => {
        const tables = parseNftJson(read(`${name}.json`));
        const again = parseNft(printNft(tables, { state: true, handles: true }));
        expect(shownByBoth(again)).toEqual(shownByBoth(tables));
    });
    test.each(names)('%s: nothing is unknown', (name) => {
        expect(JSON.stringify(readInput(read(`${name}.txt`)).native, plain)).not.toContain('"opaque"');
    });
});
test('fields that may stand without the word meta, as iptables’ rules are shown', () => {
    const table = (rules) => `table ip t {\n\tchain c {\n${rules.trim().replaceAll(/^ */gm, '\t\t')}\n\t}\n}\n`;
    const short = `
    meta mark set mark or 0x4000
    ct mark set mark
    mark . cpu { 1 . 2 } accept
    day "Monday" hour "10:00"-"12:00" accept`;
    const whole = `
    meta mark set meta mark | 0x00004000
    ct mark set meta mark
    meta mark . meta cpu { 0x00000001 . 2 } accept
    meta day "Monday" meta hour "10:00"-"12:00" accept`;
    expect(printNft(parseNft(table(short)))).toBe(table(whole));
});
const plain = (_, value) => (typeof value === 'bigint' ? String(value) : value);
describe('in a snapshot', () => {
    const snapshot = (text, keepGoing = false) => readInput(text, { source: 'x', keepGoing });
    test.each(names)('%s: native tables are what they were', (name) => {
        const taken = snapshot(read(`${name}.txt`));
        const again = parseSnapshot(printSnapshot(taken));
        expect(printSnapshot(again)).toBe(printSnapshot(taken));
        expect(shownByBoth(again.native ?? [])).toEqual(shownByBoth(taken.native ?? []));
    });
    test('a rule that could not be read stays one', () => {
        const taken = snapshot('table ip t {\n\tchain c {\n\t\tip saddr 1.2.3 accept\n\t\tdrop\n\t}\n}\n', true);
        const again = parseSnapshot(printSnapshot(taken));
        expect(again.native?.[0]?.chains[0]?.rules.map(({ statements }) => statements[0]?.kind)).toEqual([
            'opaque',
            'drop',
        ]);
    });
});
