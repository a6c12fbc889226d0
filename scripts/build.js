// Builds dist/: one folder a layer by the compiler, for those who import Sidestep as a library, then dist/program, the same
// code in a few files: Node.js 20 needs about half a millisecond for every module file it loads, and a command that answers
// at once must not spend its time on that. `npm ci --omit=dev` on a checkout that is already built stays possible.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

let compiler;
try {
  compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
} catch {
  if (existsSync('dist/program/main.js')) process.exit(0);
  console.error('sidestep: dist/ is not built and TypeScript is not installed. Run: npm ci --include=dev');
  process.exit(1);
}
const compiled = spawnSync(process.execPath, [compiler, '-b', ...process.argv.slice(2)], { stdio: 'inherit' });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const { rolldown } = await import('rolldown');
const shared = { platform: 'node', external: /^[^./]/ };
// Libraries are loaded from node_modules, as they were installed, but for the two that every command needs.
const INSIDE = ['commander', 'picocolors'];
/** What is needed together is one file, and what a change has no need of is another: so it is with following packets. */
const TOGETHER = [
  { name: 'program', test: /\/cli\/(program|help|command|options|usage|source)\.js$|\/(commander|address)\// },
  {
    name: 'change',
    test: /\/cli\/(init|init-others|apply|stopped|machine|source-flags|interception-flags|interception-flag-table)\.js$/,
  },
  { name: 'netfilter', test: /\/netfilter\// },
  { name: 'analysis', test: /\/analysis\// },
  { name: 'trace', test: /\/trace\// },
  { name: 'nftrace', test: /\/linux\/nftrace\// },
  { name: 'witness', test: /\/linux\/witness\// },
];
/**
 * A file of the program is loaded when something in it is first used, not when whoever uses it is: a change asks the kernel
 * before it loads what understands the answer. It makes no difference but time, because no module does anything on being loaded.
 */
const late = {
  name: 'late',
  renderChunk: (code) =>
    code
      .replace(/^const (require_[\w$]+) = (require\(.+\));$/gm, 'let loaded_$1;\nconst $1 = () => (loaded_$1 ??= $2);')
      .replace(/\b(require_[\w$]+)\./g, '($1()).'),
};
const program = await rolldown({
  ...shared,
  external: (id) => /^[^./]/.test(id) && !INSIDE.includes(id) && !isAbsolute(id),
  input: { main: 'dist/cli/main.js' },
  preserveEntrySignatures: 'allow-extension',
  plugins: [late],
  // What is imported late may well be there already.
  checks: { ineffectiveDynamicImport: false },
});
await program.write({
  dir: 'dist/program',
  format: 'cjs',
  cleanDir: true,
  // A library that is imported late is required late.
  dynamicImportInCjs: false,
  // Names of functions stay, for whoever reads a trace of calls. The less text there is, and in ASCII alone (a byte a
  // character), the sooner it is read.
  minify: { compress: true, mangle: { keepNames: true }, codegen: { removeWhitespace: true, asciiOnly: true } },
  // What Node.js would put around the text of a module is in it already: bin/load.js need not make a second text.
  postBanner: '(function (exports, require, module, __filename, __dirname) {',
  postFooter: '})',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  // Opening a file costs about as much as reading it: what is needed together is one.
  codeSplitting: { includeDependenciesRecursively: false, groups: TOGETHER },
});
await program.close();
// Programs that are started as processes of their own are files of their own, beside those that name them.
for (const file of [
  'dist/proxy/probe-child.js',
  'dist/proxy/epoll/worker.js',
  'dist/demo/app.js',
  'dist/demo/request.js',
  'dist/run/inside.js',
]) {
  const child = await rolldown({ ...shared, input: file });
  await child.write({ dir: 'dist/program', format: 'esm', codeSplitting: false });
  await child.close();
}
for (const name of INSIDE) copyFileSync(`node_modules/${name}/LICENSE`, `dist/program/LICENSE.${name}`);

const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
const caches = (...command) => spawnSync(command[0], command.slice(1), quiet).status ?? 1;
const alone = ['unshare', '--user', '--map-root-user', '--net'];
const live = spawnSync(alone[0], [...alone.slice(1), 'true'], { stdio: 'ignore' }).status === 0;
const changing = ['scripts/code-cache.js', 'init'];
const failed =
  caches(process.execPath, 'scripts/code-cache.js') ||
  caches(process.execPath, 'scripts/code-cache.js', 'audit') ||
  (live && caches(...alone, process.execPath, ...changing, '--live') === 0 ? 0 : caches(process.execPath, ...changing));
process.exit(failed);
