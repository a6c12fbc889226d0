import { readFileSync } from 'node:fs';

/** One text case: what goes in, and what has to come out. */
export interface TextCase {
  readonly title: string;
  readonly input: string;
  readonly expected: string;
}

/**
 * Reads a file of text cases. Each begins with a line `=== title`; a line `---` stands between its input and what is
 * expected of it. Lines before the first title are for people.
 */
export function textCases(file: string): readonly TextCase[] {
  const text = readFileSync(new URL(`../cases/${file}`, import.meta.url), 'utf8');
  const cases = text.split(/^=== /m).slice(1);
  return cases.map((part) => {
    const [, title = '', input = '', expected = ''] = /^(.*)\n([^]*?)^---\n([^]*)$/m.exec(part) ?? [];
    if (title === '') throw new Error(`${file}: a case without "---": ${part.slice(0, 60)}`);
    return { title, input, expected: `${expected.trimEnd()}\n` };
  });
}
