import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ROOT } from '../support/sidestep.ts';
/** So many packets, each followed by the kernel and by Sidestep along the same path. */
const COMPARISONS = 1_000_000;
/** Rule sets and packets for each. A few packets more: some way ends where Sidestep says that it does not know. */
const PLAN = { rules: 262, packets: 4000, seed: 20180422 };
const harness = (...args) => spawnSync(process.execPath, ['scripts/differential.js', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
});
test.runIf(process.getuid?.() === 0)('a million packets go the way that Sidestep says, rule by rule', { timeout: 1_800_000 }, () => {
    const words = Object.entries(PLAN).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const { status, stdout, stderr } = harness(...words, '--at-least', String(COMPARISONS));
    // The figure, its seed, and whatever differs.
    console.log(`seed ${PLAN.seed}\n${stdout.slice(stdout.search(/^\d+ rule sets in/m))}`);
    expect(status, stderr).toBe(0);
});
test.runIf(process.getuid?.() === 0).for([
    ['legacy', 'rules that only count have counted as often as Sidestep says'],
    ['native', "nft's own rules, one by one, do what Sidestep says"],
])('%s: %s', { timeout: 600_000 }, ([backend = '']) => {
    const words = ['--rules', '60', '--packets', '100', '--seed', String(PLAN.seed), '--at-least', '4000'];
    const { status, stdout, stderr } = harness('--backend', backend, ...words);
    expect(status, stdout.slice(stdout.search(/^\d+ rule sets in/m)) + stderr).toBe(0);
});
test.runIf(process.getuid?.() === 0)('what once differed goes the way that the kernel has it', { timeout: 300_000 }, () => {
    const { status, stdout, stderr } = harness('--cases');
    expect(status, stdout + stderr).toBe(0);
});
