// Writes V8's code cache beside the files of dist/program: functions that ran are in it, so a few commands run first, on
// a listing in docs/. What they print goes nowhere (the build ignores it). There are two, told apart by the first argument as
// bin/load.js does: `init` makes that of the commands which change rules, by an init for real where the second argument is `--live`
// (the build says so where it could give this process an empty network namespace of its own).
import { readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { cacheOf, folder, load, purpose, scripts } = createRequire(import.meta.url)('../bin/load.js');
const rules = fileURLToPath(new URL('../docs/examples/post-2018.rules', import.meta.url));
const { main } = load('main.cjs');
// Known by its mark, the proxy needs no uid that a namespace of this user's own would not have.
const interception = ['--dialect', 'istio', '-b', '*', '-i', '*', '-d', '15090,15021,15020', '--proxy-mark', '1337'];
const COMMANDS = {
  reading: [
    ['trace', 'in tcp/8888', '--from', rules],
    ['list', '--from', rules],
  ],
  proving: [
    ['bypass', '8888', '--from', rules],
    ['verify', '--from', rules],
    ['diff', rules, rules],
    ['audit', '--from', rules],
  ],
  changing: process.argv.includes('--live') ? [['init', ...interception]] : [['init', ...interception, '--dry-run']],
};
for (const command of COMMANDS[purpose]) await main(command);
// All other files are at least compiled.
if (purpose === 'reading') for (const name of readdirSync(folder)) if (name.endsWith('.cjs')) load(name);
for (const [name, script] of scripts) writeFileSync(cacheOf(join(folder, name)), script.createCachedData());
process.exitCode = 0;
