// Runs the differential harness (test/kernel/differential): its TypeScript bundled into one file, which Node then runs.
import { runBundled } from './bundled.js';

process.exitCode = await runBundled('test/kernel/differential/main.ts', 'differential');
