// Loads the program's files (dist/program). Node.js compiles a file each time it runs; here V8's code cache, made beside each
// file by the build, spares that. Another V8 than the one that made it rejects it, and the file is compiled as ever; on another kind
// of processor the same version takes it and crashes, so each kind has its own. Whatever is in a cache is brought in, needed or not:
// so commands that change rules have one, those that prove something of all packets have one, and all others another.
const { readFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { Script } = require('node:vm');

const folder = join(__dirname, '..', 'dist', 'program');
const COMMANDS = { changing: ['init', 'clean'], proving: ['audit', 'bypass', 'diff', 'verify'] };
/** Which commands' cache is meant. */
const purpose = Object.keys(COMMANDS).find((one) => COMMANDS[one].includes(process.argv[2])) ?? 'reading';
// What goes through a whole rule set is done after some tens of milliseconds, in which V8 makes better code of very many functions: it
// would get most of it too late. So it waits longer for what is really hot, and copies less of one function into another; and before
// it takes down what a function meets, and makes plain machine code of it, too: most run too few times to pay for that. And room for
// new objects grows at once to what it would come to anyway. A cache is taken under the same flags only. Measured with Node 20's V8: another one may not know them.
if (purpose === 'proving' && process.version.startsWith('v20.')) {
  const { setFlagsFromString } = require('node:v8');
  setFlagsFromString('--interrupt-budget=250000');
  setFlagsFromString('--interrupt-budget-factor-for-feedback-allocation=32');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=100');
  setFlagsFromString('--semi-space-growth-factor=8');
}
const modules = new Map();
/** The compiled scripts by file name: what the build makes the caches of. */
const scripts = new Map();

/** Where the cache of a file is. */
const cacheOf = (filename) => `${filename}.${purpose}-${process.arch}`;

/** The exports of a file of the program, by its name. It holds one function, as the build wrote it, and nothing but ASCII. */
function load(name) {
  const known = modules.get(name);
  if (known) return known.exports;
  const filename = join(folder, name);
  const cachedData = readIfThere(cacheOf(filename));
  const script = new Script(read(filename, 'latin1'), { filename, cachedData });
  scripts.set(name, script);
  const module = { exports: {} };
  modules.set(name, module);
  const next = (id) => (id.startsWith('./') ? load(basename(id)) : require(id));
  script.runInThisContext().call(module.exports, module.exports, next, module, filename, dirname(filename));
  return module.exports;
}

function read(file, encoding) {
  try {
    return readFileSync(file, encoding);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    process.stderr.write('sidestep: the program is not built. In a checkout: npm ci, or npm run build\n');
    process.exit(70);
  }
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

module.exports = { cacheOf, folder, load, purpose, scripts };
