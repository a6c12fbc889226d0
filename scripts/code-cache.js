// Writes V8's code cache beside the files of dist/program: functions that ran are in it, so a few commands run first, on
// a listing in docs/. What they print goes nowhere (the build ignores it). With `--live` (the build says so where it could give
// this process an empty network namespace of its own) also those that change rules.
import { readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { folder, load, scripts } = createRequire(import.meta.url)('../bin/load.js');
const rules = fileURLToPath(new URL('../docs/examples/post-2018.rules', import.meta.url));
const { main } = load('main.cjs');
const interception = ['--dialect', 'istio', '-b', '*', '-i', '*', '-d', '15090,15021,15020'];
const live = [['init', ...interception], ['bypass', '8888', '--apply'], ['bypass', '8888', '--undo'], ['clean']];
for (const command of [
  ['trace', 'in tcp/8888', '--from', rules],
  ['list', '--from', rules],
  ['bypass', '8888', '--from', rules],
  ['verify', '--from', rules],
  ['init', ...interception, '--dry-run'],
  ...(process.argv.includes('--live') ? live : []),
])
  await main(command);
for (const name of readdirSync(folder)) if (name.endsWith('.cjs')) load(name);
for (const [name, script] of scripts) writeFileSync(join(folder, `${name}.cache`), script.createCachedData());
process.exitCode = 0;
