import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { examples, outputOf } from '../scripts/readme.js';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
describe('what the README shows is what its commands print', () => {
    test('there is something to check', () => expect(examples().length).toBeGreaterThan(3));
    test.for(examples())('$command', ({ command, shown }) => {
        expect(outputOf(command)).toBe(shown);
        expect(shown).not.toBe('');
    });
});
test('every npm script that the README names is there', () => {
    const readme = readFileSync(`${ROOT}/README.md`, 'utf8');
    const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(0);
    for (const name of named)
        expect(Object.keys(scripts)).toContain(name);
});
