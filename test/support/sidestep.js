import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const SIDESTEP = `${ROOT}bin/sidestep.js`;
/** The rules of the 2018 post, as iptables-save printed them. */
export const POST = `${ROOT}docs/examples/post-2018.rules`;
/** Runs the built command as a user does, 120 columns wide and without colour. */
export function sidestep(args, { input = '', env, cwd, enter = [] } = {}) {
    const [file = '', ...words] = [...enter, process.execPath, SIDESTEP, ...args];
    const { NO_COLOR: _, FORCE_COLOR: __, SIDESTEP_BACKEND: ___, ...inherited } = process.env;
    const done = spawnSync(file, words, {
        input,
        cwd,
        encoding: 'utf8',
        env: { ...inherited, COLUMNS: '120', NO_COLOR: '1', ...env },
        maxBuffer: 1 << 28,
    });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}
