import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ROOT } from '../support/sidestep.ts';
/** A few of very many: docs/exactness.md says of how many the seeds were run. */
const PLAN = { rules: 8, packets: 250, seed: 6, 'at-least': 50 };
test.runIf(process.getuid?.() === 0)('what the kernel treats differently under two rule sets is what their difference names, and the other way round', { timeout: 600_000 }, () => {
    const words = Object.entries(PLAN).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/differential.js', '--changes', ...words], {
        cwd: ROOT,
        encoding: 'utf8',
    });
    console.log(stdout);
    expect(status, stdout + stderr).toBe(0);
});
