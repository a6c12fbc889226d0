// Connections of all kinds through the proxy, for as long as is asked (test/churn): its TypeScript bundled into one file, which Node then runs.
import { runBundled } from './bundled.js';

process.exitCode = await runBundled('test/churn/main.ts', 'churn');
