// Runs the differential harness (test/kernel/differential): its TypeScript bundled into one file, which this Node then runs.
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
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
await import(pathToFileURL(file).href);
