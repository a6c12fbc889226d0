import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSnapshot } from '../../src/linux/index.ts';
import type { Snapshot } from '../../src/netfilter/index.ts';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { namespaceOf } from '../support/change.ts';
import { openScratch, type Scratch } from '../support/namespace.ts';

// What native rules ask of lengths, and what only the kernel knows, against counters.

const notRoot = process.getuid?.() !== 0;

let pod: Scratch;
beforeEach(async () => {
  pod = await openScratch();
  pod.must(['ip', 'link', 'set', 'lo', 'up']);
});
afterEach(() => pod.close());

const load = (hook: string, rules: readonly string[]): void => {
  const lines = rules.map((rule) => `\t\tudp dport 9 ${rule}\n`).join('');
  pod.must(['nft', '-f', '-'], { input: `table inet t {\n\tchain c {\n\t\t${hook}\n${lines}\t}\n}\n` });
};

const counts = (): number[] =>
  [...pod.must(['nft', 'list', 'table', 'inet', 't']).matchAll(/counter packets (\d+)/g)].map(([, count]) =>
    Number(count),
  );

const follow = (snapshot: Snapshot, packet: string) => prepare(snapshot, [])(parseQuestion(packet, snapshot));

const answers = (snapshot: Snapshot, packet: string): string[] =>
  follow(snapshot, packet).steps.flatMap((step) => (step.kind === 'rule' ? [step.answer] : []));

/** Sends a datagram to port 9 of an address of its own. */
const send = (to: string, bytes = 0): string =>
  pod.must(['bash', '-c', `head -c ${bytes} /dev/zero | dd bs=65536 iflag=fullblock status=none > /dev/udp/${to}/9`]);

describe.skipIf(notRoot)('native rules', () => {
  const LENGTHS = ['1-8', '9-100', '108', '> 100', '<= 108', '>= 109', '!= 108', '{ 12, 108 }', '!= { 12, 108 }'];
  const rules = [...LENGTHS.map((of) => `udp length ${of}`), ...LENGTHS.map((of) => `ip6 length ${of}`)];

  test.for([
    ['127.0.0.1', 20],
    ['::1', 40],
  ] as const)('udp length and ip6 length, to %s', async ([to, header]) => {
    for (const bytes of [4, 92, 93, 100, 101]) {
      load(
        'type filter hook output priority 0;',
        rules.map((rule) => `${rule} counter`),
      );
      send(to, bytes);
      const seen = counts();
      const end = to === '::1' ? '[::1]' : to;
      const told = answers(
        await readSnapshot(namespaceOf(pod)),
        `self udp ${to} > ${end}:9 length ${header + 8 + bytes}`,
      );
      expect(rules.map((rule, index) => `${bytes}, ${rule}: ${told[index] === 'matched' ? 1 : 0}`)).toEqual(
        rules.map((rule, index) => `${bytes}, ${rule}: ${seen[index]}`),
      );
      pod.must(['nft', 'delete', 'table', 'inet', 't']);
    }
  });

  test('what a connection has carried, and the processor: either may be', async () => {
    const open = [
      'ct bytes > 100',
      'ct original packets 1',
      'ct reply packets 0',
      'ct avgpkt < 100',
      'meta cpu 0',
      'meta cpu != 0',
    ];
    load(
      'type filter hook output priority 0;',
      open.map((rule) => `${rule} counter`),
    );
    send('127.0.0.1', 10);
    expect(counts().slice(0, 4)).toEqual([0, 1, 1, 1]);
    const snapshot = await readSnapshot(namespaceOf(pod));
    expect(answers(snapshot, 'self udp 127.0.0.1 > 127.0.0.1:9')).toEqual(open.map(() => 'undecided'));
  });

  test('dnat to numgen … map: each of the places may be, and the kernel takes each', async () => {
    for (const address of ['127.0.0.2', '127.0.0.3']) pod.must(['ip', 'address', 'add', `${address}/8`, 'dev', 'lo']);
    load('type nat hook output priority -100;', ['dnat ip to numgen inc mod 2 map { 0 : 127.0.0.2, 1 : 127.0.0.3 }']);
    const count = 'add table ip n; add chain ip n c { type filter hook input priority 0; }';
    const places = ['127.0.0.2', '127.0.0.3'].map((to) => `add rule ip n c udp dport 9 ip daddr ${to} counter drop`);
    pod.must(['nft', '-f', '-'], { input: `${count}\n${places.join('\n')}\n` });
    send('127.0.0.1', 1);
    send('127.0.0.1', 1);
    expect(pod.must(['nft', 'list', 'table', 'ip', 'n']).match(/packets 1/g)).toHaveLength(2);
    const snapshot = await readSnapshot(namespaceOf(pod));
    const { outcome, possible, steps } = follow(snapshot, 'self udp 127.0.0.1 > 127.0.0.1:9');
    expect(outcome.kind).toBe('dropped');
    const [mapping] = steps.filter((step) => step.kind === 'rule');
    expect(mapping).toMatchObject({ answer: 'undecided', decisive: { predicate: { kind: 'choice' } } });
    expect(possible).toEqual([]);
  });

  test('redirect to one of many ports: what does not ask for the port is decided', async () => {
    load('type nat hook output priority -100;', ['redirect to :8000-8020']);
    const count = 'add table ip n; add chain ip n c { type filter hook input priority 0; }';
    const rules = ['udp dport 8000-8020 counter', 'ip daddr 127.0.0.1 meta l4proto udp counter drop'];
    pod.must(['nft', '-f', '-'], { input: `${count}\n${rules.map((rule) => `add rule ip n c ${rule}`).join('\n')}\n` });
    send('127.0.0.1', 1);
    expect(pod.must(['nft', 'list', 'table', 'ip', 'n']).match(/packets 1/g)).toHaveLength(2);
    const snapshot = await readSnapshot(namespaceOf(pod));
    expect(follow(snapshot, 'self udp 127.0.0.1 > 127.0.0.1:9').outcome.kind).toBe('dropped');
    pod.must(['nft', 'delete', 'table', 'ip', 'n']);
    const { outcome } = follow(await readSnapshot(namespaceOf(pod)), 'self udp 127.0.0.1 > 127.0.0.1:9');
    expect(outcome).toMatchObject({ kind: 'unknown', because: expect.stringContaining('the kernel chooses the port') });
  });
});
