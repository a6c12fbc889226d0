import { readFileSync } from 'node:fs';
/**
 * Reads a file of text cases. Each begins with a line `=== title`; a line `---` stands between its input and what is
 * expected of it. Lines before the first title are for people.
 */
export function textCases(file) {
    const text = readFileSync(new URL(`../cases/${file}`, import.meta.url), 'utf8');
    return text
        .split(/^=== /m)
        .slice(1)
        .map((part) => {
        const [head = '', expected] = part.split(/^---\n/m);
        const at = head.indexOf('\n');
        if (expected === undefined)
            throw new Error(`${file}: a case without "---": ${head.slice(0, 60)}`);
        return { title: head.slice(0, at), input: head.slice(at + 1), expected: `${expected.trimEnd()}\n` };
    });
}
