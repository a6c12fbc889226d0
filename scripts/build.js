// Builds dist/ when the compiler is there. `npm ci --omit=dev` on a checkout that is already built stays possible.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

let compiler;
try {
  compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
} catch {
  if (existsSync('dist/cli/main.js')) process.exit(0);
  console.error('sidestep: dist/ is not built and TypeScript is not installed. Run: npm ci --include=dev');
  process.exit(1);
}
process.exit(spawnSync(process.execPath, [compiler, '-b'], { stdio: 'inherit' }).status ?? 1);
