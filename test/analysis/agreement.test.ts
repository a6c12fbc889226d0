import { expect, test } from 'vitest';
import type { Family } from '../../src/address/index.ts';
import { reach, TooComplex } from '../../src/analysis/index.ts';
import type { Snapshot } from '../../src/netfilter/index.ts';
import { parseNft, parseSave } from '../../src/text/index.ts';
import { parseQuestion } from '../../src/trace/index.ts';
import { randomRules } from '../kernel/differential/rules.ts';
import { type Random, seeded } from '../support/random.ts';
import { randomNftRuleSet } from '../support/random-nft.ts';
import { compare } from './agreement.ts';
import { HOSTS } from './hosts.ts';

/** How many packets are followed in all. */
const PACKETS = Number(process.env.PACKETS ?? 1_500);
const EACH = 100;
/** Milliseconds: ten minutes, and more for many packets. */
const LIMIT = Math.max(600_000, PACKETS * 20);

function agree({ disagreement }: ReturnType<typeof compare>, where: string, text: string): void {
  if (!disagreement) return;
  const { question, traced, found } = disagreement;
  const packet = JSON.stringify(question.packet, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  expect.fail(`${where}: traced ${traced}, found ${found}\n${packet}\n${text}`);
}

/** Random rules for a family, and as much of a snapshot as they are. */
type Rules = (random: Random, family: Family) => readonly [text: string, held: Pick<Snapshot, 'held' | 'native'>];

const ofIptables: Rules = (random, family) => {
  const text = randomRules(random, family);
  const rules = parseSave(text, { family, keepGoing: true });
  return [text, { held: rules.map((set) => ({ backend: 'nft', rules: set })) }];
};

const ofNft: Rules = (random, family) => {
  const text = randomNftRuleSet(random, family === 'ipv4' ? ['ip', 'inet'] : ['ip6', 'inet']);
  return [text, { held: [], native: parseNft(text) }];
};

test.each([
  ['random rules', ofIptables, PACKETS],
  ["random rules of nft's own", ofNft, PACKETS / 3],
] as const)(
  'every set agrees with the trace of random packets, on %s and machines',
  (_, rulesOf, packets) => {
    let asked = 0;
    let complex = 0;
    for (let seed = 0; asked < packets; seed += 1) {
      const random = seeded(seed);
      const family = random.pick(['ipv4', 'ipv4', 'ipv6'] as const);
      const name = random.pick(Object.keys(HOSTS));
      const [text, held] = rulesOf(random, family);
      const direction = random.pick(['in', 'out'] as const);
      let result: ReturnType<typeof compare>;
      try {
        result = compare({ ...HOSTS[name]!, ...held }, family, direction, random, EACH);
      } catch (error) {
        // That is an answer, too; it must not be the usual one.
        if (!(error instanceof TooComplex)) throw error;
        complex += 1;
        continue;
      }
      asked += result.asked;
      agree(result, `seed ${seed}, ${name}, ${direction}`, text);
    }
    expect(asked).toBeGreaterThanOrEqual(packets);
    expect(complex).toBeLessThan(1 + asked / EACH / 20);
  },
  LIMIT,
);

test("so do those of packets to addresses that no card has and that are said to go on: REDIRECT takes them to the card's own", () => {
  const rules = parseSave('*nat\n-A PREROUTING -j REDIRECT\nCOMMIT\n*filter\n-A FORWARD -o eth0 -j ACCEPT\nCOMMIT\n');
  const held = rules.map((set) => ({ backend: 'nft' as const, rules: set }));
  expect(compare({ ...HOSTS.untold!, held }, 'ipv4', 'in', seeded(1), 500).disagreement).toBeUndefined();
});

test('so do those of a packet that a rule has given a zone, and that has no connection', () => {
  const text = [
    '*raw',
    '-A PREROUTING -j CT --zone 1',
    'COMMIT',
    '*nat',
    '-A INPUT -p udp -j SNAT --to-source 10.0.0.9',
    'COMMIT',
  ];
  const held = parseSave(`${text.join('\n')}\n`).map((rules) => ({ backend: 'nft' as const, rules }));
  expect(compare({ ...HOSTS.router!, held }, 'ipv4', 'out', seeded(1), 500).disagreement).toBeUndefined();
});

test.each(['in', 'out'] as const)('so do those that ask whether nat has mapped a packet, %s', (direction) => {
  const text =
    '*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 8080\n-A OUTPUT -p tcp -j REDIRECT --to-ports 8080\nCOMMIT\n' +
    '*filter\n-A INPUT -m conntrack --ctstate DNAT -j DROP\nCOMMIT\n';
  const held = parseSave(text).map((rules) => ({ backend: 'nft' as const, rules }));
  for (const host of Object.values(HOSTS))
    expect(compare({ ...host, held }, 'ipv4', direction, seeded(1), 500).disagreement).toBeUndefined();
});

test('so do those of packets whose last hop a rule takes back: the hops that they came with are told apart, though no rule asks for them', () => {
  const held = parseSave('*mangle\n-A PREROUTING -p udp -j TTL --ttl-set 64\nCOMMIT\n').map((rules) => ({
    backend: 'nft' as const,
    rules,
  }));
  const snapshot = { ...HOSTS.router!, held };
  expect(compare(snapshot, 'ipv4', 'in', seeded(1), 500).disagreement).toBeUndefined();
  const last = parseQuestion('in udp > 10.1.0.7:80 ttl 1', snapshot);
  for (const [{ packet }, kind] of [
    [last, 'forwarded'],
    [{ packet: { ...last.packet, protocol: 6 } }, 'dropped'],
  ] as const) {
    const ends = reach({ snapshot, proxyPorts: [] }, 'ipv4', 'in').filter(({ surely }) => surely.holds({ packet }));
    expect(ends.map(({ end }) => end.kind)).toEqual([kind]);
  }
});

test.each(['-p udp -j TTL --ttl-set 64', '-m ttl --ttl-lt 5 -j ACCEPT'])(
  'so do those of packets of which a rule counts the hops, where they are told apart: which are sent on is open, with %s',
  (rule) => {
    const held = parseSave(`*mangle\n-A PREROUTING -p tcp -j TTL --ttl-dec 1\n-A PREROUTING ${rule}\nCOMMIT\n`).map(
      (rules) => ({ backend: 'nft' as const, rules }),
    );
    const snapshot = { ...HOSTS.router!, held };
    expect(compare(snapshot, 'ipv4', 'in', seeded(1), 500).disagreement).toBeUndefined();
    for (const hops of [1, 2, 64]) {
      const { packet } = parseQuestion(`in tcp > 10.1.0.7:80 ttl ${hops}`, snapshot);
      const ends = reach({ snapshot, proxyPorts: [] }, 'ipv4', 'in').filter(({ possibly }) =>
        possibly.holds({ packet }),
      );
      expect(ends.map(({ end }) => end.kind).sort()).toEqual(['dropped', 'forwarded']);
      expect(ends.some(({ surely }) => surely.holds({ packet }))).toBe(false);
    }
  },
);

test.each(['ip ttl 64 accept', 'ip ttl > 64 accept', 'ip ttl & 7 == 3 accept', 'ip ttl set 5 ip ttl 5 accept'])(
  'so do those of packets that are sent on with a hop less: %s',
  (rule) => {
    const native = parseNft(
      `table ip hops { chain on { type filter hook forward priority 0; policy drop; ${rule}; } }`,
    );
    expect(compare({ ...HOSTS.router!, held: [], native }, 'ipv4', 'in', seeded(1), 1000).disagreement).toBeUndefined();
  },
);

test('so do those of a packet of this host that is given a zone where it has no connection, and is asked about by nat after all', () => {
  const held = parseSave('*nat\n-A INPUT -p udp -j SNAT --to-source 10.0.0.9\nCOMMIT\n').map((rules) => ({
    backend: 'nft' as const,
    rules,
  }));
  const native = parseNft(
    'table ip zones { chain back { type filter hook prerouting priority mangle; policy accept; ct zone set 65; } }',
  );
  expect(compare({ ...HOSTS.untold!, held, native }, 'ipv4', 'out', seeded(1), 1000).disagreement).toBeUndefined();
});

test.each(['--right-shift-mark 8', '--left-shift-mark 3', '--nfmask 0xff0 --ctmask 0xffff --left-shift-mark 3'])(
  'so do those of marks that are kept moved: %s',
  (moved) => {
    const text = `*mangle\n-A PREROUTING -j CONNMARK --save-mark ${moved}\n-A INPUT -m connmark --mark 0x8/0x78 -j DROP\nCOMMIT\n`;
    const held = parseSave(text).map((rules) => ({ backend: 'nft' as const, rules }));
    for (const direction of ['in', 'out'] as const)
      expect(compare({ ...HOSTS.untold!, held }, 'ipv4', direction, seeded(1), 1000).disagreement).toBeUndefined();
  },
);

test('so do those of marks that a rule makes those that TPROXY hands on, where no routing rules are known', () => {
  const text =
    '*mangle\n-A PREROUTING -p udp -j TPROXY --on-port 15001 --tproxy-mark 0x1/0x1\n' +
    '-A OUTPUT ! -d 2001:db8::6/64 -j MARK --set-xmark 0x1/0x1\nCOMMIT\n' +
    '*security\n-A INPUT -m mark --mark 0x1/0x1\nCOMMIT\n';
  const held = parseSave(text, { family: 'ipv6' }).map((rules) => ({ backend: 'nft' as const, rules }));
  expect(compare({ ...HOSTS.untold!, held }, 'ipv6', 'out', seeded(1), 2000).disagreement).toBeUndefined();
});

test('so do those of marks of which a rule turns a bit before an ip rule asks for several', () => {
  const held = parseSave('*mangle\n-A OUTPUT -j MARK --xor-mark 0x1\nCOMMIT\n').map((rules) => ({
    backend: 'nft' as const,
    rules,
  }));
  const { transparent } = HOSTS;
  const routingRules = transparent!.routingRules!.map((rule) =>
    rule.mark ? { ...rule, mark: { value: 5, mask: 7 } } : rule,
  );
  expect(compare({ ...transparent!, held, routingRules }, 'ipv4', 'out', seeded(1), 1000).disagreement).toBeUndefined();
});

test('so do those of a packet that nat is not asked about, though its rules map nothing', () => {
  const text =
    '*nat\n-A OUTPUT -p tcp -j NFQUEUE\nCOMMIT\n*filter\n-A OUTPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n';
  const held = parseSave(text).map((rules) => ({ backend: 'nft' as const, rules }));
  expect(compare({ ...HOSTS.router!, held }, 'ipv4', 'out', seeded(1), 500).disagreement).toBeUndefined();
});

test('what the packet before has been asked for last is not taken for the interface by which one leaves', () => {
  const { router } = HOSTS;
  const routes = router!.routes!.map((route) => (route.destination === 0 ? { ...route, device: 'eth1' } : route));
  for (const device of ['eth0', 'eth1']) {
    const text =
      '*filter\n-A FORWARD -m addrtype --dst-type LOCAL --limit-iface-in -j DROP\nCOMMIT\n' +
      `*mangle\n-A POSTROUTING -o ${device} -j DROP\nCOMMIT\n`;
    const held = parseSave(text).map((rules) => ({ backend: 'nft' as const, rules }));
    agree(compare({ ...router!, routes, held }, 'ipv4', 'in', seeded(1), 500), device, text);
  }
});

test.each(['ipv4', 'ipv6'] as const)(
  'where interfaces are known and routes are not, what lies on a link leaves by it, and all else by any: %s',
  (family) => {
    const { routes: _, ...unrouted } = HOSTS.router!;
    for (const [chain, direction] of [
      ['FORWARD', 'in'],
      ['POSTROUTING', 'in'],
      ['POSTROUTING', 'out'],
    ] as const)
      for (const device of ['eth0', 'eth1']) {
        const text = `*mangle\n-A ${chain} -o ${device} -j DROP\nCOMMIT\n`;
        const held = parseSave(text, { family }).map((rules) => ({ backend: 'nft' as const, rules }));
        const where = `${family}, ${chain}, ${direction}`;
        agree(compare({ ...unrouted, held }, family, direction, seeded(1), 300), where, text);
      }
  },
);

test('a socket of IPv6 may be bound to an address of IPv4', () => {
  const listeners = [
    { family: 'ipv6', protocol: 'tcp', address: (0xffffn << 32n) | 0x7f00_0005n, port: 8080 } as const,
  ];
  const snapshot: Snapshot = { ...HOSTS.router!, listeners };
  const question = parseQuestion('out tcp > 127.0.0.5:8080', snapshot);
  const ends = reach({ snapshot, proxyPorts: [] }, 'ipv4', 'out').filter(({ surely }) => surely.holds(question));
  expect(ends.map(({ end }) => end.kind)).toEqual(['app']);
});

/** Rules that ask routes, one a port. */
function askingRoutes(family: Family): string {
  const asked = [
    ...['', ' --loose', ' --validmark', ' --accept-local', ' --invert'].map((words) => `-m rpfilter${words}`),
    '-m addrtype ! --dst-type LOCAL --limit-iface-in',
    '-m addrtype --src-type LOCAL --limit-iface-in',
    '-m addrtype --src-type UNICAST --limit-iface-in',
  ];
  const rules = asked.map((words, at) => `-A PREROUTING -p tcp -m tcp --dport ${80 + at} ${words} -j DROP`);
  return `*mangle\n-A PREROUTING -s ${family === 'ipv4' ? '10.0.0.0/9' : '2001:db8::/33'} -j MARK --set-mark 0x1\n${rules.join('\n')}\nCOMMIT\n`;
}

const FIB = `table inet fib {
  chain pre { type filter hook prerouting priority mangle; policy accept;
    udp dport 53 fib saddr . iif oif missing drop
    udp dport 80 fib saddr . mark . iif oif 0 drop
    udp dport 8080 fib daddr . iif type != local drop
    udp dport 443 fib saddr oif exists drop
  }
}
table netdev edge {
  chain arrives { type filter hook ingress device "eth0" priority 0; policy accept;
    udp dport 8080 ip saddr 10.0.0.0/9 drop
  }
  chain leaves { type filter hook egress devices = { "eth0", "eth1" } priority 0; policy accept;
    tcp dport { 80, 443 } drop
  }
}
`;

test.for(Object.keys(HOSTS))('%s: rules that ask routes agree, too', (name) => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const random = seeded(7);
    const text = askingRoutes(family);
    const [rules] = parseSave(text, { family });
    const snapshot: Snapshot = {
      ...HOSTS[name]!,
      held: [{ backend: 'nft', rules: rules! }],
      native: parseNft(FIB),
    };
    for (const direction of ['in', 'out'] as const) {
      const result = compare(snapshot, family, direction, random, 200);
      agree(result, `${name}, ${family}, ${direction}`, text);
      expect(result.asked).toBeGreaterThan(50);
    }
  }
});
