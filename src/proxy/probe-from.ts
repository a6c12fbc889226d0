import { fileURLToPath } from 'node:url';
import type { InterceptionProbe } from './probe-interception.ts';
import type { ProbeResult } from './probe-result.ts';

const CHILD = fileURLToPath(new URL('./probe-child.js', import.meta.url));

/**
 * `probeInterception` inside a namespace: `enter` is what stands before a command to run it there (nothing for this one).
 * Throws an Error with what was said where the child could not run.
 */
export async function probeFrom(enter: readonly string[], asked: InterceptionProbe): Promise<readonly ProbeResult[]> {
  const { execFile } = await import('node:child_process');
  const [file = '', ...args] = [...enter, process.execPath, CHILD, JSON.stringify(asked)];
  // Two connections for each family, some attempts each; the child's own timeouts come first.
  const timeout = 10_000 + 4 * (asked.timeout ?? 5000) * asked.families.length;
  return await new Promise((resolve, reject) => {
    execFile(file, args, { timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error) reject(new Error(`the probe could not run: ${stderr.trim() || error.message}`));
      else resolve(JSON.parse(stdout) as ProbeResult[]);
    });
  });
}
