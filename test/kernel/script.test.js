import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { parseSave, printSave, readInput, readScript } from '../../src/text/index.ts';
import { openScratch } from '../support/namespace.ts';
const folder = new URL('../cases/script/', import.meta.url);
const scripts = readdirSync(folder).filter((name) => name.endsWith('.sh'));
/** Scripts of a line or few, each under its title. */
const words = readFileSync(new URL('../cases/shell-words.txt', import.meta.url), 'utf8')
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
    const [title = '', ...lines] = part.split('\n');
    return [title, lines.join('\n')];
});
const notRoot = process.getuid?.() !== 0;
/** A machine may have no sudo; in the test's namespaces it changes nothing. */
const SUDO = 'sudo() { [ "$1" = -n ] && shift; "$@"; }';
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
/** The tables that hold anything: merely having been looked at leaves empty ones behind. */
const withoutEmpty = (rules) => rules === undefined
    ? ''
    : rules.tables
        .filter(({ chains }) => chains.some(({ policy, rules: own }) => own.length > 0 || policy !== 'ACCEPT'))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map((table) => printSave({ family: rules.family, tables: [table] }, { backend: 'legacy' }))
        .join('');
describe.skipIf(notRoot)('a script leaves behind what a real shell leaves behind', () => {
    test.for(scripts)('%s', async (name) => {
        const text = readFileSync(new URL(name, folder), 'utf8');
        const fresh = await scratch.beside();
        try {
            fresh.run(['sh', '-s'], { input: `${SUDO}\n${text}` });
            const { held } = readInput(text, { source: name });
            for (const family of FAMILIES)
                for (const backend of ['nft', 'legacy']) {
                    const tool = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-save`;
                    const kernel = parseSave(fresh.must([tool]), { family })[0];
                    const ours = held.find((one) => one.backend === backend && one.rules.family === family)?.rules;
                    expect(withoutEmpty(ours), `${family} ${backend}`).toBe(withoutEmpty(kernel));
                }
        }
        finally {
            fresh.close();
        }
    });
});
describe.skipIf(notRoot)('words, variables and ways are what bash makes of them', () => {
    test.for(words)('%s', async ([, script]) => {
        const fresh = await scratch.beside();
        try {
            fresh.run(['bash', '-s'], { input: script });
            const kernel = parseSave(fresh.must(['iptables-nft-save']), { family: 'ipv4' })[0];
            const { held } = readScript(`#!/bin/bash\n${script}`);
            expect(withoutEmpty(held.find(({ rules }) => rules.family === 'ipv4')?.rules)).toBe(withoutEmpty(kernel));
        }
        finally {
            fresh.close();
        }
    });
});
