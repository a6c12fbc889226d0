import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAside } from '../../src/cli/aside.ts';
import { closeDescriptor, openChannel, receiveDescriptors } from '../../src/linux/index.ts';
let folder = '';
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sidestep-aside-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
/** Both ends of something that may be full; the one for writing blocks, as one does that a child was given. */
const ENDS = {
    pipe() {
        const path = join(folder, 'pipe');
        execFileSync('mkfifo', [path]);
        const fd = openSync(path, constants.O_RDWR);
        const bytes = Buffer.alloc(1 << 20);
        return { fd, read: () => bytes.toString('utf8', 0, readSync(fd, bytes)), close: () => closeSync(fd) };
    },
    socket() {
        const [near, far] = openChannel();
        return {
            fd: near,
            read: () => receiveDescriptors(far).bytes.toString(),
            close: () => [near, far].forEach(closeDescriptor),
        };
    },
};
describe.for(Object.keys(ENDS))('a %s that nobody reads', (kind) => {
    test('costs lines, which are counted, and no time; it goes on when somebody reads', () => {
        const { fd, read, close } = ENDS[kind]();
        const aside = openAside(fd);
        const text = `${'a line '.repeat(140)}\n`;
        let written = 0;
        for (; aside.dropped === 0; written += 1)
            aside.write(text);
        aside.write(text);
        expect(written).toBeGreaterThan(10);
        expect(aside.dropped).toBe(2);
        expect(read().startsWith(text)).toBe(true);
        for (let at = 0; kind === 'socket' && at < written - 2; at += 1)
            expect(read()).toBe(text);
        aside.write('the last\n');
        expect(read()).toMatch(/^\n?sidestep: 2 lines were dropped here: nobody read them in time\nthe last\n$/);
        expect(aside.dropped).toBe(2);
        close();
    });
});
test('a file takes all', () => {
    const path = join(folder, 'file');
    const fd = openSync(path, 'w');
    const aside = openAside(fd);
    for (const text of ['one\n', 'two\n'])
        aside.write(text);
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
});
