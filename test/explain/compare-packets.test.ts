import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { comparePackets, differenceDocument, differenceScreen, plainText } from '../../src/explain/index.ts';
import { asWritten, defaultInterception, dialectOf, type Interception } from '../../src/interception/index.ts';
import type { Interface, InterfaceAddress, Listener, Snapshot } from '../../src/netfilter/index.ts';
import { parseSave, printSave } from '../../src/text/index.ts';

const ISTIO: Interception = {
  ...defaultInterception('istio'),
  families: ['ipv4', 'ipv6'],
  inbound: { include: '*', exclude: ['15090'] },
  outbound: { ...defaultInterception('istio').outbound, include: '*' },
};
const written = (interception: Interception): Snapshot =>
  asWritten(dialectOf(interception.dialect).write(interception), interception.dialect);

const own = (text: string, length: number): InterfaceAddress => {
  const { family, value } = parseAddress(text)!;
  return { family, value, length, secondary: false, scope: 'global' };
};
const card = (name: string, index: number, ...addresses: readonly InterfaceAddress[]): Interface => ({
  name,
  index,
  up: true,
  addresses,
});
const INTERFACES = [
  card('lo', 1, own('127.0.0.1', 8), own('::1', 128), own('::6', 128)),
  card('eth0', 2, own('10.0.0.5', 24), own('2001:db8::5', 64)),
];
const LISTENERS = [15_001, 15_006, 8080].map(
  (port): Listener => ({ family: 'ipv4', protocol: 'tcp', address: 0, port }),
);

describe('the packets that two rule sets treat differently', () => {
  test('rules that match at times are told where they are not the same: how often they do is not proved', () => {
    const told = (...texts: readonly (readonly string[])[]) => {
      const [before, after] = texts.map((rules, at) => ({
        origin: at === 0 ? 'before' : 'after',
        held: parseSave(`*filter\n:LIMITED - [0:0]\n:OTHER - [0:0]\n${rules.join('\n')}\nCOMMIT\n`).map((one) => ({
          backend: 'nft' as const,
          rules: one,
        })),
      }));
      const found = comparePackets(before!, after!);
      return {
        rules: found.atTimes.map(({ origin, rule }) => `${origin}: ${rule}`),
        different: differenceDocument(found).different,
        headline: plainText(differenceScreen(found), 200).split(':')[0],
      };
    };
    const few = '-A INPUT -p tcp -m connlimit --connlimit-upto 3 -j DROP';
    expect(told([few], [few.replace('upto', 'above')])).toEqual({
      rules: [
        expect.stringMatching(/^before: -p tcp -m connlimit --connlimit-upto 3 .*-j DROP$/),
        expect.stringMatching(/^after: -p tcp -m connlimit --connlimit-above 3 .*-j DROP$/),
      ],
      different: true,
      headline: 'No difference in where packets may go',
    });
    // Names of chains, comments, an order, and what only logs make no difference.
    const [limited, other] = ['LIMITED', 'OTHER'].map((chain) => [
      `-A INPUT -p tcp -m limit --limit 5/min -m comment --comment ${chain} -j ${chain}`,
      `-A ${chain} -j DROP`,
      `-A INPUT -m limit --limit ${chain.length}/min -j LOG`,
    ]);
    expect(told([few, ...limited!], [...other!.slice(1), few, other![0]!])).toEqual({
      rules: [],
      different: false,
      headline: 'No difference',
    });
  });

  test('of a machine that nothing can come to, that is said', () => {
    const [alone, with0] = [INTERFACES.slice(0, 1), INTERFACES].map((interfaces) => ({
      ...written(ISTIO),
      interfaces,
    }));
    const { notes } = comparePackets(alone!, { ...alone!, held: [] });
    expect(notes.filter((note) => note.includes('no interface but lo'))).toHaveLength(1);
    expect(comparePackets(with0!, with0!).notes.join()).not.toContain('no interface but lo');
  });

  test('what is too complex says so, and no single packet, which goes where it goes', () => {
    const [one, other] = ['DROP', 'REJECT'].map((target): Snapshot => {
      const held = parseSave(`*filter\n-A INPUT -p tcp -j ${target}\nCOMMIT\n`);
      return { origin: target, held: held.map((rules) => ({ backend: 'nft' as const, rules })) };
    });
    const told = comparePackets(one!, other!);
    const because = 'too complex: rules make packets differ in too many ways; nothing was found before';
    const unknown = { kind: 'unknown', because, key: 'too complex by the first' } as const;
    const compared = told.compared.map((way) => ({
      ...way,
      changes: way.changes.map((change) => ({ ...change, before: unknown })),
    }));
    expect(plainText(differenceScreen(told), 200)).toContain('for example');
    const shown = plainText(differenceScreen({ ...told, compared }), 200);
    expect(shown).toContain(`    ? ${because}`);
    expect(shown).not.toContain('for example');
  });

  test('where packets may be sent on, those on their last hop are said not to be looked at', () => {
    const shown = (text: string, more: Partial<Snapshot> = {}): string => {
      const held = parseSave(`${text}\nCOMMIT\n`).map((rules) => ({ backend: 'nft' as const, rules }));
      const snapshot = { origin: 'rules', held, ...more };
      return plainText(differenceScreen(comparePackets(snapshot, { ...snapshot })), 400);
    };
    const note = 'packets on their last hop, which are not sent on, where no rule is about the TTL';
    const forwarding = '*filter\n-A FORWARD -p tcp -j DROP';
    expect(shown(forwarding)).toContain(note);
    expect(shown('*nat\n-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.7')).toContain(note);
    expect(shown('*filter\n-A INPUT -p tcp -j DROP')).not.toContain(note);
    expect(shown('*filter\n-A INPUT -p tcp -j DROP', { interfaces: INTERFACES })).toContain(note);
    const still = { interfaces: INTERFACES, sysctls: { ipForward: false, ipv6Forward: false } };
    expect(shown(forwarding, still)).not.toContain(note);
  });

  test('those that may change are told beside those that surely do', () => {
    const [before, after] = ['-m riddle -j DROP', '-j DROP\n-A INPUT -p tcp -m tcp --dport 81 -j DROP'].map(
      (rest): Snapshot => ({
        origin: 'rules',
        held: parseSave(`*filter\n-A INPUT -p tcp -m tcp --dport 80 ${rest}\nCOMMIT\n`, { keepGoing: true }).map(
          (rules) => ({ backend: 'nft', rules }),
        ),
      }),
    );
    const { compared } = differenceDocument(comparePackets(before!, after!));
    const inbound = compared.find(({ direction }) => direction === 'in');
    expect(inbound?.changes.map(({ sure, packets, after: { kind } }) => [kind, sure, packets])).toEqual([
      ['dropped', true, ['tcp to port 81']],
      ['dropped', false, ['tcp to port 80']],
    ]);
  });

  test('chains of other names make no difference, though the names tell whose the ports are', () => {
    const istio = written(ISTIO);
    const renamed = {
      ...istio,
      held: istio.held.flatMap(({ backend, rules }) =>
        parseSave(printSave(rules).replaceAll('ISTIO_', 'A'), { family: rules.family }).map((set) => ({
          backend,
          rules: set,
        })),
      ),
    };
    const { compared } = comparePackets(istio, renamed);
    expect(compared.map(({ changes }) => changes.length)).toEqual([0, 0, 0, 0]);
  });

  test.each([
    ['of which only the rules are known', {}],
    ['whose listeners are known', { interfaces: INTERFACES, listeners: LISTENERS }],
  ])('each example ends as is said of its kind, on a machine %s', (_, machine) => {
    const forms: readonly Interception[] = [
      ISTIO,
      { ...ISTIO, dialect: 'istio-nft' },
      { ...defaultInterception('istio-2018'), inbound: ISTIO.inbound, outbound: ISTIO.outbound },
    ];
    const sides = forms.map((form) => ({ ...written(form), ...machine }));
    for (const [at, before] of sides.entries())
      for (const after of sides.slice(at + 1))
        for (const { changes } of comparePackets(before, after).compared)
          for (const { before: was, after: is, surely, example } of changes) {
            expect(example).toBeDefined();
            const { question } = example!;
            for (const [end, { outcome }] of [
              [was, example!.before],
              [is, example!.after],
            ] as const) {
              const port =
                'port' in end ? (end.port === 'own' ? question.packet.destinationPort : end.port) : undefined;
              if (surely.isEmpty && outcome.kind === 'unknown') continue;
              expect([outcome.kind, 'port' in outcome ? outcome.port : undefined]).toEqual([end.kind, port]);
            }
          }
  });

  test.each(['istio', 'istio-nft'] as const)('%s: the rule that decides is told on the side that has it', (dialect) => {
    const form = { ...ISTIO, dialect };
    const [before, after] = [[], ['8888']].map((exclude) =>
      written({ ...form, inbound: { include: '*', exclude } }),
    ) as [Snapshot, Snapshot];
    const told = comparePackets(before, after);
    const { compared } = differenceDocument(told);
    const [change] = compared[0]?.changes ?? [];
    expect(change?.example?.decidedBefore).toMatchObject({ number: 1, rule: expect.stringMatching(/15006$/) });
    expect(change?.example?.decidedAfter).toMatchObject({ number: 2, rule: expect.stringMatching(/8888 .*return$/i) });
    expect(plainText(differenceScreen(told), 200)).toMatch(/by \S.* 2 {2}.*8888 .*return$/im);
  });

  test('an example comes from the address by which others know this host, not from one of lo', () => {
    const { compared } = comparePackets(
      { ...written(ISTIO), interfaces: INTERFACES },
      { ...written({ ...ISTIO, outbound: { ...ISTIO.outbound, include: [] } }), interfaces: INTERFACES },
    );
    const [first] = compared.find(({ family, direction }) => family === 'ipv6' && direction === 'out')?.changes ?? [];
    expect(first?.example?.question.packet.source).toBe(parseAddress('2001:db8::5')?.value);
  });
});
