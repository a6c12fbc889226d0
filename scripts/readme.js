// The console blocks of README.md: `$ command` and below it what the command prints. `npm run readme` writes the output
// anew; the tests compare.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const file = join(root, 'README.md');
const BLOCK = /```console\n\$ ([^\n]*)\n([\s\S]*?)```/g;

/** What a command prints in a checkout, 120 columns wide, without colour. */
export function outputOf(command) {
  const script = command.replace(/\bsidestep /, '"$0" bin/sidestep.js ');
  const env = { ...process.env, COLUMNS: '120', NO_COLOR: '1' };
  return spawnSync('sh', ['-c', script, process.execPath], { cwd: root, encoding: 'utf8', env }).stdout.trimEnd();
}

/** Every command of the README with the output that it shows. */
export const examples = () =>
  [...readFileSync(file, 'utf8').matchAll(BLOCK)].map(([, command, shown]) => ({ command, shown: shown.trimEnd() }));

if (argv[1] === fileURLToPath(import.meta.url)) {
  const text = readFileSync(file, 'utf8').replace(
    BLOCK,
    (_block, command) => `\`\`\`console\n$ ${command}\n${outputOf(command)}\n\`\`\``,
  );
  writeFileSync(file, text);
}
