import { expect, test } from 'vitest';
import { walkScreen } from '../../src/explain/index.ts';
import type { Snapshot } from '../../src/netfilter/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, type Trace, trace } from '../../src/trace/index.ts';

/** The whole screen, without its layout. */
const told = (expression: string, save: string): string =>
  JSON.stringify(walkScreen(traceOf(expression, save), { show: 'all' }));

function traceOf(expression: string, save: string): Trace {
  const snapshot: Snapshot = { origin: 'a file', held: parseSave(save).map((rules) => ({ backend: 'nft', rules })) };
  return trace(snapshot, parseQuestion(expression, snapshot), []);
}

const REWRITES = `*nat
-A OUTPUT -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.9.0.2:8080
-A POSTROUTING -j SNAT --to-source 10.0.0.77
COMMIT`;

test('what leaves is said to leave as it is only where nat has not rewritten it', () => {
  expect(told('out tcp > 1.2.3.4:80', REWRITES)).toContain('rewritten by nat: 10.0.0.77:40000 → 10.9.0.2:8080');
  expect(told('out tcp > 1.2.3.4:80', '*nat\nCOMMIT')).toContain('It leaves by eth0 as it is');
});

test('an address that is only taken for one of this host is said to be, with the way to ask otherwise', () => {
  const hint = '8.8.8.8 is taken for an address of this host';
  expect(told('in tcp 172.17.0.2 > 8.8.8.8:53 on docker0', '*filter\nCOMMIT')).toContain(hint);
  expect(told('in tcp 172.17.0.2 > 8.8.8.8:53 on docker0 via eth0', '*filter\nCOMMIT')).not.toContain(hint);
});

test('two open conditions of one rule are told apart', () => {
  const two = '*filter\n-A INPUT -m limit --limit 3/sec -m statistic --mode random --probability 0.5 -j DROP\nCOMMIT';
  const { possible } = traceOf('in tcp/80', two);
  expect(possible.map(({ because }) => because)).toSatisfy((all: string[]) => all.every((text) => text.includes('(')));
});
