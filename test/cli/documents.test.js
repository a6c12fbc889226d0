import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as documents from '../../src/explain/schema/index.ts';
import { ROOT, sidestep } from '../support/sidestep.ts';
const FOLDER = `${ROOT}test/cases/screens/`;
const POST = '../../../docs/examples/post-2018.rules';
/** Every command that prints a document, and the type of what it prints. Live ones are in test/kernel/cli.test.ts. */
const PRINTED = [
    [['list', '--from', POST], documents.listingDocument],
    [['list', '--from', 'tproxy.rules'], documents.listingDocument],
    [['list', '--from', 'both-back-ends.json'], documents.listingDocument],
    [['list', '--from', 'drifted.rules'], documents.listingDocument],
    [['trace', 'in tcp/8888', '--from', POST], documents.traceDocument],
    [['trace', 'out tcp > 192.0.2.1:80 uid 1337', '--from', 'drifted.rules'], documents.traceDocument],
    [['trace', 'in tcp/8080', '--from', 'undecided.rules'], documents.traceDocument],
    [['trace', 'in tcp/8888', '--family', 'ipv6', '--from', 'tproxy.rules'], documents.traceDocument],
    [['trace', 'in tcp/8888 reply', '--from', POST], documents.traceDocument],
    [['trace', '--connection', 'in tcp/8888', '--from', POST], documents.connectionDocument],
    [['trace', '--connection', 'in tcp/8080', '--from', 'undecided.rules'], documents.connectionDocument],
    [['trace', '--connection', 'in icmp', '--from', 'pod.json'], documents.connectionDocument],
    [['trace', 'in icmp', '--from', 'pod.json'], documents.traceDocument],
    [['trace', 'in tcp/8888', '--from', 'pod.json'], documents.traceDocument],
    [['bypass', '8888', '9000-9010', '--for', '30m', '--from', 'pod.json'], documents.planDocument],
    [['bypass', '8888', '--edit', '--from', POST], documents.planDocument],
    [['init', '-b', '*', '-d', '9', '-m', 'TPROXY', '--dry-run'], documents.programDocument],
    [['diff', POST, 'bypassed.rules'], documents.differenceDocument],
    [['diff', 'tproxy.rules', 'drifted.rules'], documents.differenceDocument],
    [['audit', '--from', POST], documents.auditDocument],
    [['audit', '--from', 'drifted.rules'], documents.auditDocument],
    [['audit', '--from', 'pod.json'], documents.auditDocument],
    [['verify', '--from', 'drifted.rules'], documents.verificationDocument],
    [['verify', '--from', POST], documents.verificationDocument],
];
describe('-o json prints what its schema says, and nothing more', () => {
    test.for(PRINTED)('%s', ([args, type]) => {
        const { stdout } = sidestep([...args, '-o', 'json'], { cwd: FOLDER });
        const document = JSON.parse(stdout);
        // What a type does not know is dropped by it, and would be missed here.
        expect(type.parse(document)).toEqual(document);
    });
    test('a snapshot', () => {
        const document = JSON.parse(sidestep(['snapshot', '--from', 'pod.json'], { cwd: FOLDER }).stdout);
        expect(documents.snapshotDocument.parse(document)).toEqual(document);
    });
});
test('docs/schema is what scripts/schema.js makes of the types', async () => {
    const script = (await import('../../scripts/schema.js'));
    expect(script.outdated()).toEqual([]);
});
test('every kind of document has its schema, named after it', () => {
    for (const name of readdirSync(`${ROOT}docs/schema`)) {
        const schema = JSON.parse(readFileSync(`${ROOT}docs/schema/${name}`, 'utf8'));
        expect(`sidestep/${name.replace(/-(\d+)\.json$/, '/$1')}`).toBe(schema.title);
    }
});
test('-o save is a fixed point: what it prints, read again, prints the same', () => {
    for (const file of [POST, 'tproxy.rules', 'drifted.rules', 'undecided.rules', 'pod.json']) {
        const once = sidestep(['list', '-o', 'save', '--from', file], { cwd: FOLDER }).stdout;
        expect(once).toContain('COMMIT');
        expect(sidestep(['list', '-o', 'save', '--from', '-'], { input: once }).stdout).toBe(once);
    }
});
test('--counters keeps the real ones', () => {
    const { stdout } = sidestep(['list', '-o', 'save', '--counters', '--from', 'undecided.rules'], { cwd: FOLDER });
    expect(stdout).toContain(':INPUT DROP [12:720]');
    expect(stdout).toContain('[5:300] -A INPUT -i lo -j ACCEPT');
});
