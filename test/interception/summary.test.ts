import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { type DialectName, planBypass, programmed, proxyPortsOf, summarise } from '../../src/interception/index.ts';
import { emptyRuleSet, type Snapshot } from '../../src/netfilter/index.ts';
import { parseSave, readInput } from '../../src/text/index.ts';
import { programOf } from './cases.ts';

/** 2027-01-15 08:00:00 UTC. */
const NOW = 1_800_000_000;

/** Rules as text, both families where a `# family` line says so. */
const fromText = (text: string): Snapshot => ({
  origin: 'a listing',
  held: parseSave(text).map((rules) => ({ backend: 'nft', rules })),
});

/** What a dialect lays out for istio-iptables' flags, and rules that somebody inserts (`nat PREROUTING 1: -p tcp …`). */
function intercepted(flags: string, { dialect = 'istio' as DialectName, more = '' } = {}): Snapshot {
  const program = programOf(flags.split(' '), dialect, 'nameserver 10.96.0.10\n');
  return {
    origin: 'a pod',
    held: FAMILIES.map((family) => {
      const rules = programmed(emptyRuleSet(family), program, family);
      if (more === '' || family === 'ipv6') return { backend: 'nft', rules };
      const [extra] = parseSave(more, { family });
      const tables = rules.tables.map((table) => ({
        ...table,
        chains: table.chains.map((chain) => {
          const added = extra?.tables
            .find(({ name }) => name === table.name)
            ?.chains.find(({ name }) => name === chain.name);
          return { ...chain, rules: [...(added?.rules ?? []), ...chain.rules] };
        }),
      }));
      return { backend: 'nft', rules: { ...rules, tables } };
    }),
  };
}

const spoken = (snapshot: Snapshot): readonly string[] =>
  summarise(snapshot, NOW).lines.map(({ label, traffic, to, note, families }) => {
    const only = families.length < snapshot.held.length ? ` [${families.join()}]` : '';
    return `${label}: ${traffic}${to ? ` → ${to}` : ''}${note ? ` (${note})` : ''}${only}`;
  });

const POST = '-p 15001 -u 1337 -m REDIRECT -i * -b 8080,8888';

describe('what a summary says', () => {
  test('of the 2018 post', () => {
    const snapshot = intercepted(POST, { dialect: 'istio-2018' });
    expect(summarise(snapshot, NOW).title).toBe('Istio (2018 form)');
    expect(spoken(snapshot)).toEqual([
      'inbound: tcp :8080 :8888 → proxy :15001 [ipv4]',
      'outbound: tcp, not to 127.0.0.1 → proxy :15001 (not from uid 1337, gid 1337 (the proxy)) [ipv4]',
      'self: tcp, not to 127.0.0.1 → proxy :15001 [ipv4]',
      'refused: everything inbound [ipv6]',
      'direct: inbound tcp on all other ports; udp; icmp; outbound IPv6',
    ]);
  });

  test('of the post alone, as iptables-save prints one family: of the other nothing is known, and nothing is said', () => {
    const [ipv4] = intercepted(POST, { dialect: 'istio-2018' }).held;
    expect(spoken({ origin: 'a file', held: [ipv4!] })).toContain('direct: inbound tcp on all other ports; udp; icmp');
  });

  test('of Istio with all ports, some excluded', () => {
    expect(spoken(intercepted('-i * -b * -d 15090,15021,15020'))).toEqual([
      'inbound: tcp, but :15008 :15020-15021 :15090 → proxy :15006 [ipv4]',
      'outbound: tcp, not to 127.0.0.1 → proxy :15001 (not from uid 1337, gid 1337 (the proxy)) [ipv4]',
      "self: tcp, but :15008, not from 127.0.0.6, not to 127.0.0.1 → proxy :15006 (the proxy's own calls) [ipv4]",
      'direct: inbound tcp :15008 :15020-15021 :15090; udp; icmp; all of IPv6',
    ]);
  });

  test('of both families, in one line where the same is true of both', () => {
    expect(spoken(intercepted('-i * -b 80 -m TPROXY --dual-stack'))).toEqual([
      'inbound: tcp :80 → proxy :15006',
      'outbound: tcp, not to 127.0.0.1 and ::1 → proxy :15001 (not from uid 1337, gid 1337 (the proxy))',
      "self: tcp, but :15008, not from 127.0.0.6 and ::6, not to 127.0.0.1 and ::1 → proxy :15006 (the proxy's own calls)",
      'direct: inbound tcp on all other ports; udp; icmp',
    ]);
  });

  test('of DNS capture: what is left of tcp is "other tcp"', () => {
    expect(spoken(intercepted('-i * -b * --redirect-dns'))).toEqual(
      expect.arrayContaining([
        'outbound: tcp, udp :53 to 10.96.0.10 → proxy :15053 (not from uid 1337, gid 1337 (the proxy)) [ipv4]',
        'outbound: other tcp, not to 127.0.0.1 → proxy :15001 (not from uid 1337, gid 1337 (the proxy)) [ipv4]',
        'direct: inbound tcp :15008; the rest of udp; icmp; all of IPv6',
      ]),
    );
  });

  test('of chosen destinations, interfaces and groups', () => {
    expect(spoken(intercepted('-i 10.0.0.0/8 -x 10.1.0.0/16 -o 9000 -b 80 -c eth1'))).toEqual(
      expect.arrayContaining([
        'inbound: tcp :80, not on eth1 → proxy :15006 [ipv4]',
        'outbound: tcp to 10.0.0.0/8, but :9000, not to 10.1.0.0/16, not by eth1 → proxy :15001 (not from uid 1337, gid 1337 (the proxy)) [ipv4]',
        'direct: inbound tcp on eth1; inbound tcp, but :80, not on eth1; outbound tcp to anywhere else; udp; icmp; all of IPv6',
      ]),
    );
    expect(spoken(intercepted('-i * -b * ISTIO_OUTBOUND_OWNER_GROUPS=101,202'))[1]).toBe(
      'outbound: tcp, not to 127.0.0.1 → proxy :15001 (only from gid 101, gid 202, not from uid 1337 (the proxy)) [ipv4]',
    );
  });

  test('of a bypass made by hand: the port is no longer in the sentence', () => {
    const more = '*nat\n-A PREROUTING -p tcp --dport 8888 -j RETURN\nCOMMIT\n';
    const snapshot = intercepted(POST, { dialect: 'istio-2018', more });
    expect(spoken(snapshot)[0]).toBe('inbound: tcp :8080 → proxy :15001 [ipv4]');
    expect(summarise(snapshot, NOW).recognitions[0]?.foreign).toEqual([
      { table: 'nat', chain: 'PREROUTING', number: 1 },
    ]);
  });

  test.for([
    ['2027-01-15T08:00:00', 'inbound: tcp, but :8888 :15008 → proxy :15006 [ipv4]', 1],
    ['2027-01-15T07:59:59', 'inbound: tcp, but :15008 → proxy :15006 [ipv4]', 0],
  ] as const)('of a bypass of Sidestep’s that ends at %s', ([end, inbound, standing]) => {
    const rule = `-p tcp --dport 8888 -m comment --comment "sidestep bypass" -m time --datestop ${end} -j RETURN`;
    const snapshot = intercepted('-i * -b *', { more: `*nat\n-A PREROUTING ${rule}\nCOMMIT\n` });
    const { bypasses, recognitions } = summarise(snapshot, NOW);
    expect(spoken(snapshot)[0]).toBe(inbound);
    expect(spoken(snapshot).filter((line) => line.startsWith('bypass: '))).toHaveLength(standing);
    expect(bypasses.map(({ expired }) => expired)).toEqual([standing === 0]);
    expect(recognitions[0]?.foreign).toEqual([]);
  });

  test('of a port that only some may reach directly', () => {
    const more = '*nat\n-A PREROUTING -s 10.9.0.0/16 -p tcp --dport 8080 -j RETURN\nCOMMIT\n';
    const lines = spoken(intercepted('-i * -b 8080', { more }));
    expect(lines[0]).toBe('inbound: tcp :8080, not from 10.9.0.0/16 → proxy :15006 [ipv4]');
    expect(lines.at(-1)).toBe(
      'direct: inbound tcp from 10.9.0.0/16; inbound tcp, but :8080, not from 10.9.0.0/16; udp; icmp; all of IPv6',
    );
  });

  test('of rules that depend on chance: it says that the sentence is not certain', () => {
    const more =
      '*nat\n-A PREROUTING -p tcp --dport 8080 -m statistic --mode random --probability 0.5 -j RETURN\nCOMMIT\n';
    expect(summarise(intercepted('-i * -b *', { more }), NOW).doubts).toContainEqual(
      expect.stringContaining('inbound: '),
    );
  });

  test('of a rule that is not known', () => {
    const more = '*nat\n-A PREROUTING -m never-heard-of --at all -j RETURN\nCOMMIT\n';
    expect(summarise(intercepted('-i * -b *', { more }), NOW).doubts).toContainEqual(
      expect.stringContaining('never-heard-of'),
    );
  });

  test('of a firewall in front of the proxy', () => {
    const snapshot = intercepted('-i * -b *', { more: '*filter\nCOMMIT\n' });
    const held = snapshot.held.map((one) => ({
      ...one,
      rules: {
        ...one.rules,
        tables: [
          ...one.rules.tables,
          ...parseSave('*filter\n-A INPUT -s 10.9.0.0/16 -j DROP\nCOMMIT\n', { family: 'ipv4' })[0]!.tables,
        ],
      },
    }));
    const lines = spoken({ ...snapshot, held: [held[0]!] });
    expect(lines[0]).toBe('inbound: tcp, but :15008, not from 10.9.0.0/16 → proxy :15006');
    expect(lines).toContain('refused: everything from 10.9.0.0/16 inbound');
  });
});

describe('a summary of rules that no known product wrote', () => {
  test('a redirect made by hand', () => {
    const snapshot = fromText('*nat\n-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n');
    expect(summarise(snapshot, NOW).title).toBe('rules made by hand');
    expect(spoken(snapshot)).toEqual([
      'inbound: tcp :80 → proxy :8080',
      'direct: inbound tcp on all other ports; outbound tcp; udp; icmp',
    ]);
  });

  test('a redirect of all cards but one', () => {
    const rule = '-A PREROUTING -p tcp -m mac ! --mac-source 00:11:22:33:44:55 -j REDIRECT --to-ports 8080';
    const [inbound] = spoken(fromText(`*nat\n${rule}\nCOMMIT\n`));
    // A packet without a MAC address is met by no such rule.
    expect(inbound).toBe('inbound: tcp, source MAC address not 00:00:00:00:00:00, 00:11:22:33:44:55 → proxy :8080');
  });

  test('a transparent proxy made by hand, with the divert of open connections before it', () => {
    const snapshot = fromText(`*mangle
:DIVERT - [0:0]
-A PREROUTING -p tcp -m socket --transparent -j DIVERT
-A PREROUTING -p tcp --dport 80 -j TPROXY --tproxy-mark 0x1/0x1 --on-port 3129
-A DIVERT -j MARK --set-xmark 0x1/0xffffffff
-A DIVERT -j ACCEPT
COMMIT
`);
    expect(spoken(snapshot)[0]).toBe('inbound: tcp :80 → proxy :3129');
    expect(summarise(snapshot, NOW).recognitions[0]?.mode).toBe('TPROXY');
  });

  test('a DNAT to another host is no interception', () => {
    const snapshot = fromText('*nat\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.7:8080\nCOMMIT\n');
    expect(summarise(snapshot, NOW)).toMatchObject({ lines: [], doubts: [] });
    expect(summarise(snapshot, NOW).title).toBeUndefined();
  });

  test('a firewall, thousands of service rules, or nothing at all', () => {
    const services = Array.from(
      { length: 3000 },
      (_, index) =>
        `-A SERVICES -d 10.96.${index >> 8}.${index & 255}/32 -p tcp -m tcp --dport ${80 + index} -j MARK --set-mark 1`,
    ).join('\n');
    const large = fromText(`*nat\n:SERVICES - [0:0]\n-A PREROUTING -j SERVICES\n${services}\nCOMMIT\n`);
    for (const snapshot of [
      large,
      fromText('*filter\n-A INPUT -p tcp --dport 23 -j DROP\nCOMMIT\n'),
      { origin: '', held: [] },
    ])
      expect(summarise(snapshot, NOW)).toMatchObject({ lines: [], doubts: [], recognitions: [] });
  });

  test('an interception among thousands of other rules is told as far as it can be, and no further', () => {
    const services = Array.from(
      { length: 3000 },
      (_, index) =>
        `-A PREROUTING -d 10.96.${index >> 8}.${index & 255}/32 -p tcp -m tcp --dport ${80 + index} -j ACCEPT`,
    ).join('\n');
    const text = `*nat\n${services}\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15006\nCOMMIT\n`;
    expect(summarise(fromText(text), NOW).doubts).toContainEqual(expect.stringContaining('too many cases'));
  });
});

test('a port that somebody forwards to another program of the host is not the proxy’s', () => {
  const more = '*nat\n-A PREROUTING -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 22\nCOMMIT\n';
  const snapshot = intercepted('-b * -i *', { more });
  const inbound = summarise(snapshot, NOW).lines.filter(({ label }) => label === 'inbound');
  expect(inbound.map(({ traffic, to }) => [traffic, to])).toEqual([
    ['tcp :2222', 'this host :22'],
    ['tcp, but :2222 :15008', 'proxy :15006'],
  ]);
  expect(proxyPortsOf(snapshot)).toEqual([15001, 15006, 15008]);
  const plan = planBypass(snapshot, { ports: [[2222, 2222]], now: NOW });
  expect(plan.changes).toEqual([]);
});

describe('native tables', () => {
  const native = (rule: string, flags = '') =>
    summarise(
      readInput(
        `table inet mesh {\n${flags}\tchain in {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\t${rule}\n\t}\n}\n`,
      ),
    ).doubts;

  test('one that may intercept is a doubt, and says where', () => {
    expect(native('tcp dport 80 redirect to :15006')).toEqual([
      'table inet mesh of nftables may intercept (in 1), and is not summed up here; trace follows it',
    ]);
    expect(native('frobnicate')).toHaveLength(1);
    expect(native('tcp dport 80 accept')).toEqual([]);
    expect(native('tcp dport 80 redirect to :15006', '\tflags dormant\n\n')).toEqual([]);
  });

  test('of a set it is said whether it was read', () => {
    const rules = '*nat\n-A PREROUTING -p tcp -m set ! --match-set b src -j REDIRECT --to-ports 15006\nCOMMIT\n';
    const doubtsOf = (text: string) => summarise(readInput(text), NOW).doubts;
    expect(doubtsOf(rules)).toEqual([expect.stringContaining('what is in the set "b" was not read')]);
    expect(doubtsOf(`create b hash:ip family inet\n${rules}`)).toEqual([
      'inbound: what is in the set "b" is not told in a few lines; trace looks at it',
    ]);
  });
});
