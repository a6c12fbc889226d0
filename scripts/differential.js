// Runs the differential harness (test/kernel/differential): its TypeScript bundled into one file, which Node then runs.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const file = join(root, 'node_modules/.cache/sidestep/differential.mjs');
const bundle = await rolldown({
  platform: 'node',
  external: (id) => /^[^./]/.test(id),
  input: join(root, 'test/kernel/differential/main.ts'),
});
await bundle.write({ file, format: 'esm', codeSplitting: false });
await bundle.close();
const { status } = spawnSync(process.execPath, [file, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exitCode = status ?? 1;
