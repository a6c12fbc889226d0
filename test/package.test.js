import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RULES = join(ROOT, 'docs/examples/post-2018.rules');
let folder = '';
function run(file, args, env = {}) {
    const done = spawnSync(file, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...env } });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sidestep-package-'));
    const packed = spawnSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
        cwd: ROOT,
        encoding: 'utf8',
    });
    expect(packed.status, packed.stderr).toBe(0);
    const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    const installed = run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`]);
    expect(installed.status, installed.stderr).toBe(0);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
test('an installed package gives both commands', () => {
    for (const command of ['sidestep', 'kubectl-sidestep']) {
        const done = run(join(folder, 'node_modules/.bin', command), ['list', '--from', RULES]);
        expect(done.status, done.stderr).toBe(0);
        expect(done.stdout).toMatch(/inbound +tcp/);
    }
});
test('every subpath of the package can be imported', () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const names = Object.keys(exports).filter((path) => path !== './package.json');
    expect(names.length).toBeGreaterThan(5);
    const program = names.map((path) => `await import(${JSON.stringify(path.replace('.', 'sidestep'))});`).join('\n');
    const done = run(process.execPath, ['--input-type=module', '-e', program]);
    expect(done.status, done.stderr).toBe(0);
});
test('the package holds what runs and nothing else', () => {
    const held = readdirSync(join(folder, 'node_modules/sidestep'));
    expect(held.sort()).toEqual(['LICENSE', 'README.md', 'bin', 'dist', 'docs', 'package.json']);
});
test('reading from a file needs nothing of Linux: no koffi, an empty PATH', () => {
    rmSync(join(folder, 'node_modules/koffi'), { recursive: true, force: true });
    const sidestep = join(folder, 'node_modules/sidestep/bin/sidestep.js');
    for (const args of [
        ['list', '--from', RULES],
        ['trace', 'in tcp/8888', '--from', RULES],
        ['bypass', '8888', '--from', RULES],
    ]) {
        const done = run(process.execPath, [sidestep, ...args], { PATH: '' });
        expect(done.status, done.stderr).toBe(0);
        expect(done.stdout).not.toBe('');
    }
});
