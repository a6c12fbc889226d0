import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${ROOT}/README.md`, 'utf8');

/** Every `$ command` of the README's console blocks, with the output that the README shows below it. */
const examples = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block
    .split(/^\$ /m)
    .slice(1)
    .map((example) => {
      const [command = '', ...shown] = example.split('\n');
      return { command, shown: shown.join('\n').trimEnd() };
    }),
);

describe('what the README shows is what its commands print', () => {
  test('there is something to check', () => expect(examples.length).toBeGreaterThan(3));

  test.for(examples)('$command', ({ command, shown }) => {
    const script = command.replace(/\bsidestep\b/, '"$0" bin/sidestep.js');
    const done = spawnSync('sh', ['-c', script, process.execPath], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, COLUMNS: '120', NO_COLOR: '1' },
    });
    expect(done.stdout.trimEnd()).toBe(shown);
  });
});

test('every npm script that the README names is there', () => {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(0);
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});
