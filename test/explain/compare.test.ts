import { expect, test } from 'vitest';
import { compareAsWritten } from '../../src/explain/compare.ts';
import { plainText, verificationScreen } from '../../src/explain/index.ts';
import { packetsSaid } from '../../src/explain/proof-screen.ts';
import { asWritten, defaultInterception, dialectOf, type Interception } from '../../src/interception/index.ts';
import type { Snapshot } from '../../src/netfilter/index.ts';
import { parseSave } from '../../src/text/index.ts';

const ASKED: Interception = {
  ...defaultInterception('istio'),
  families: ['ipv4'],
  inbound: { include: '*', exclude: [] },
  dropInvalid: true,
};
const programOf = (interception: Interception) => dialectOf(interception.dialect).write(interception);
const written = (interception: Interception): Snapshot => asWritten(programOf(interception), 'as written');
const compared = (snapshot: Snapshot) => compareAsWritten(snapshot, programOf(ASKED), 0);
const words = (snapshot: Snapshot): readonly string[] =>
  compared(snapshot).stray.map(
    (one) => `${one.direction} ${packetsSaid(one).join('; ')}: ${one.before.key} → ${one.after.key}`,
  );

test('what a missing rule of the mesh does is told of all packets, though they never were for the proxy', () => {
  const told = words(written({ ...ASKED, dropInvalid: false }));
  expect(told).toContain('in tcp, udp, to port 15006, invalid: dropped → proxy 15006');
  expect(told).toContain('in tcp, udp, to any port but 15001, 15006, invalid: dropped → app own');
});

test("what others' rules do beside it is their own business, where it is not about the proxy", () => {
  const { held, ...rest } = written(ASKED);
  const others = parseSave(
    '*filter\n-A INPUT -p tcp -m tcp --dport 15006 -s 10.9.0.0/16 -j DROP\n-A INPUT -p udp -m udp --dport 53 -j DROP\nCOMMIT\n',
  ).map((rules) => ({
    backend: 'nft' as const,
    rules: { ...rules, tables: [...rules.tables, ...held[0]!.rules.tables] },
  }));
  const told = words({ ...rest, held: others });
  expect(told).toEqual([expect.stringMatching(/^in tcp .*from 10\.9\.0\.0\/16.*: proxy 15006 → dropped$/)]);
});

test('what others keep from the proxy and the mesh itself lets pass is told once, beside all else', () => {
  const { held, ...rest } = written({ ...ASKED, dropInvalid: false, inbound: { include: '*', exclude: ['9000'] } });
  const others = parseSave('*filter\n-A INPUT -p tcp -m tcp --dport 15006 -j DROP\nCOMMIT\n');
  const rules = { ...held[0]!.rules, tables: [...others[0]!.tables, ...held[0]!.rules.tables] };
  const told = words({ ...rest, held: [{ backend: 'nft', rules }] });
  expect(told.filter((one) => one.includes('to port 9000'))).toEqual(['in tcp to port 9000: proxy 15006 → app own']);
  expect(told).toContainEqual(expect.stringMatching(/^in tcp, udp, .*invalid: dropped → app own$/));
});

test('where it is too complex to be found out, it is not said that packets are treated alike', () => {
  const names = Array.from({ length: 300 }, (_, at) => `C${at}`);
  const calls = names.slice(1).map((name, at) => `-A C${at} -p tcp -j ${name}`);
  const text = ['*filter', ...names.map((name) => `:${name} - [0:0]`), '-A INPUT -j C0', ...calls, 'COMMIT', ''];
  const { held, ...rest } = written(ASKED);
  const rules = { ...held[0]!.rules, tables: [...held[0]!.rules.tables, ...parseSave(text.join('\n'))[0]!.tables] };
  const found = compared({ ...rest, held: [{ backend: 'nft', rules }] });
  const screen = plainText(verificationScreen({ ...found, interception: ASKED, given: true, probes: [] }, []), 200);
  expect(screen).not.toContain('treated all alike');
  expect(screen).toContain('? which packets are treated differently is not known of inbound IPv4: too complex: ');
});
