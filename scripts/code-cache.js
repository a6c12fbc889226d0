// Writes V8's code cache beside the files of dist/program: functions that ran are in it, so a few commands run first, on
// a listing in docs/. None of them looks at this machine's rules; what they print goes nowhere (the build ignores it).
import { readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { folder, load, scripts } = createRequire(import.meta.url)('../bin/load.js');
const rules = fileURLToPath(new URL('../docs/examples/post-2018.rules', import.meta.url));
const { main } = load('main.cjs');
for (const command of [
  ['trace', 'in tcp/8888', '--from', rules],
  ['list', '--from', rules],
  ['bypass', '8888', '--from', rules],
  ['verify', '--from', rules],
  ['init', '--dialect', 'istio', '-b', '*', '-i', '*', '-d', '15090,15021,15020', '--dry-run'],
])
  await main(command);
for (const name of readdirSync(folder)) if (name.endsWith('.cjs')) load(name);
for (const [name, script] of scripts) writeFileSync(join(folder, `${name}.cache`), script.createCachedData());
process.exitCode = 0;
