// A probe of its own inside a namespace: takes what is asked as JSON, prints the results as JSON.
import { type InterceptionProbe, probeInterception } from './probe-interception.ts';

const results = await probeInterception(JSON.parse(process.argv[2] ?? '') as InterceptionProbe);
process.stdout.write(JSON.stringify(results), () => process.exit(0));
