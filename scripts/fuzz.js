// Runs the fuzzer (test/fuzz): its TypeScript bundled into one file, which Node then runs.
import { runBundled } from './bundled.js';

process.exitCode = await runBundled('test/fuzz/main.ts', 'fuzz');
