import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { POST, sidestep } from '../support/sidestep.ts';
const post = readFileSync(POST, 'utf8');
const from = ['--from', '-'];
describe('what is missing or was not read is said', () => {
    test('a rule that was passed over: nobody says that nothing is intercepted', () => {
        const input = '*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 99999\nCOMMIT\n';
        const { stdout, status } = sidestep(['list', '--keep-going', ...from], { input });
        expect(status).toBe(0);
        expect(stdout).toContain('Whether anything is intercepted is not known.');
        expect(stdout).toContain('a rule could not be read');
        expect(stdout).toMatch(/PREROUTING +1 +-p tcp -j REDIRECT --to-ports 99999 +\? not read/);
    });
    test('a missing rule for the proxy’s uid is found without flags: both dialects write uid and gid', () => {
        const input = post.replace(/^.*--uid-owner 1337.*\n/m, '');
        const { stdout, status } = sidestep(['verify', ...from], { input });
        expect(status).toBe(1);
        expect(stdout).toMatch(/ISTIO_OUTPUT 2 +missing +-m owner --uid-owner 1337 -j RETURN/);
    });
    test('verify takes a bypass back by the whole of its ports', () => {
        const bypass = '-A PREROUTING -p tcp -m multiport --dports 8888,9000:9010 -m comment --comment "sidestep bypass" -j RETURN\n';
        const input = post.replace('-A PREROUTING -p tcp -j ISTIO_INBOUND\n', (jump) => bypass + jump);
        const { stdout, status } = sidestep(['verify', ...from], { input });
        expect(status).toBe(1);
        expect(stdout).toContain('Mend it: sidestep bypass 8888 9000-9010 --undo');
    });
    test('verify says where rules are too many to be followed', () => {
        const many = Array.from({ length: 500 }, (_, index) => {
            const source = `10.${index >> 8}.${index & 255}.0/24`;
            return `-A INPUT -s ${source} -p tcp -m tcp --sport ${2000 + index} -j DROP\n`;
        });
        const input = `${post}*filter\n:INPUT ACCEPT [0:0]\n${many.join('')}COMMIT\n`;
        expect(sidestep(['verify', ...from], { input }).stdout).toContain('? the rules of others are too many to be followed');
        expect(sidestep(['verify', ...from], { input: post }).stdout).not.toContain('too many');
    });
    test('a snapshot is JSON, also when it is asked to be', () => {
        expect(sidestep(['snapshot', '-o', 'json', '--from', POST]).stdout).toBe(sidestep(['snapshot', '--from', POST]).stdout);
    });
});
