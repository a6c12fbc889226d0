// TypeScript of the tests that is a program of its own: bundled into one file, which Node then runs with this command's arguments.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Gives the program's exit status. */
export async function runBundled(input, name) {
  const file = join(root, 'node_modules/.cache/sidestep', `${name}.mjs`);
  const bundle = await rolldown({
    platform: 'node',
    external: (id) => /^[^./]/.test(id),
    input: join(root, input),
  });
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  await bundle.close();
  return spawnSync(process.execPath, [file, ...process.argv.slice(2)], { stdio: 'inherit', cwd: root }).status ?? 1;
}
