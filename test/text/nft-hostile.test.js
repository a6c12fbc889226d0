import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { InputRefused, parseNft, parseNftJson, printNft } from '../../src/text/index.ts';
import { mutated } from '../support/mutate.ts';
import { seeded } from '../support/random.ts';
const FOLDER = new URL('../cases/nft/', import.meta.url);
const texts = (ending) => readdirSync(FOLDER)
    .filter((file) => file.endsWith(ending))
    .flatMap((file) => pieces(readFileSync(new URL(file, FOLDER), 'utf8')));
/** Large texts in handy pieces: a harm to a small one reaches further. */
function pieces(text) {
    if (text.startsWith('{')) {
        const lines = text.split('\n').slice(1, -2);
        const heads = lines.filter((line) => /^\{"(?:table|chain)"/.test(line));
        const step = 12;
        return Array.from({ length: Math.ceil(lines.length / step) }, (_, index) => {
            const some = lines.slice(index * step, index * step + step).filter((line) => !heads.includes(line));
            return `{"nftables":[${[...heads, ...some].map((line) => line.replace(/,$/, '')).join(',\n')}]}`;
        });
    }
    const parts = text.split('\n\n').filter((part) => part.length < 4000);
    return parts.map((part) => (part.startsWith('table') ? `${part}\n}\n` : `table inet t {\n${part}\n}\n`));
}
/** ROUNDS=100000 SEED=7 for a long run. */
const ROUNDS = Number(process.env.ROUNDS ?? 2500);
const SEED = Number(process.env.SEED ?? 20261125);
function attempt(parse, text, options) {
    try {
        const tables = parse(text, options);
        // What was read can be printed, and what was printed can be read.
        if (!options.keepGoing)
            parseNft(printNft(tables, { state: true, handles: true }), { keepGoing: true });
    }
    catch (error) {
        if (!(error instanceof InputRefused))
            throw new Error(`${JSON.stringify(text)}: ${error}`, { cause: error });
        expect(error.diagnostics.length).toBeGreaterThan(0);
    }
}
describe('what nft did not write', () => {
    test.each([
        ['text', parseNft, '.txt'],
        ['JSON', parseNftJson, '.json'],
    ])('%s with random harms gives diagnostics and nothing else', { timeout: 30_000 + ROUNDS * 20 }, (_, parse, ending) => {
        const sources = texts(ending);
        const random = seeded(SEED);
        for (let round = 0; round < ROUNDS; round += 1) {
            attempt(parse, mutated(random.pick(sources), random), { keepGoing: random.oneIn(3) });
        }
    });
    test.each([
        ['brackets', `table ip t {\nchain c {\nmeta mark ${'('.repeat(50_000)}`],
        ['braces', `table ip t {\nchain c {\nip saddr ${'{ '.repeat(50_000)}`],
        ['blocks', 'table ip t {\n'.repeat(50_000)],
        ['operators', `table ip t {\nchain c {\nmeta mark set ${'meta mark & '.repeat(20_000)}1\n}\n}\n`],
        ['a concatenation', `table ip t {\nchain c {\n${'ip saddr . '.repeat(20_000)}ip daddr @s\n}\n}\n`],
        ['hashes', `table ip t {\nchain c {\n${'jhash '.repeat(50_000)}\n}\n}\n`],
        ['dashes', `table ip t {\nchain c {\ntcp dport ${'1-'.repeat(50_000)}\n}\n}\n`],
        ['quotes', `table ip t {\nchain c {\n${'"\n'.repeat(20_000)}`],
        ['an end', 'table ip t {\nchain c {\nlog prefix "'],
        ['a long number', `table ip t {\nchain c {\nmeta mark ${'9'.repeat(100_000)}\n}\n}\n`],
    ])('%s without end', (_, text) => attempt(parseNft, text, {}));
    test.each([
        ['brackets', `{"nftables":${'['.repeat(100_000)}`],
        ['expressions', rule(`${'{"&":['.repeat(20_000)}1,1${']}'.repeat(20_000)}`)],
        ['what is not known', rule(`${'{"foo":['.repeat(20_000)}${']}'.repeat(20_000)}`)],
        ['operands', rule(`{"|":[${'1,'.repeat(50_000)}1]}`)],
        ['a long number', rule('9'.repeat(100_000))],
        ['__proto__', rule('{"__proto__":{"key":"mark"}}')],
    ])('JSON: %s', (_, text) => attempt(parseNftJson, text, {}));
});
function rule(expression) {
    const objects = [
        '{"table":{"family":"ip","name":"t"}}',
        '{"chain":{"family":"ip","table":"t","name":"c"}}',
        `{"rule":{"family":"ip","table":"t","chain":"c","expr":[{"match":{"op":"==","left":${expression},"right":1}}]}}`,
    ];
    return `{"nftables":[${objects.join(',')}]}`;
}
