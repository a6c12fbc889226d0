import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { audit, auditDocument, auditScreen } from '../../src/audit/index.ts';
import { plainText } from '../../src/explain/index.ts';
import {
  afterBypass,
  asWritten,
  defaultInterception,
  dialectOf,
  type Interception,
  nativeModel,
} from '../../src/interception/index.ts';
import type { HeldRules, InterfaceAddress, Listener, Route, Snapshot } from '../../src/netfilter/index.ts';
import { parseNft, parseSave, printNft, printSave, readInput } from '../../src/text/index.ts';
import { KUMA } from '../interception/products.ts';
import { POST } from '../support/sidestep.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z') / 1000;

const own = (text: string, length: number, scope: InterfaceAddress['scope'] = 'global'): InterfaceAddress => {
  const { family, value } = parseAddress(text)!;
  return { family, value, length, secondary: false, scope };
};
const card = (name: string, index: number, ...addresses: readonly InterfaceAddress[]) => ({
  name,
  index,
  up: true,
  addresses,
});
const LO = card('lo', 1, own('127.0.0.1', 8, 'host'), own('::1', 128, 'host'));
const ETH0 = card('eth0', 2, own('10.0.0.5', 24));
const DUAL = card('eth0', 2, own('10.0.0.5', 24), own('2001:db8::5', 64));

const listener = (port: number, uid?: number, name?: string): Listener => ({
  family: 'ipv4',
  protocol: 'tcp',
  address: 0,
  port,
  ...(uid === undefined ? {} : { uid }),
  ...(name === undefined ? {} : { process: { pid: 7, name } }),
});

/** Istio's, as it writes itself. */
const ISTIO: Interception = {
  ...defaultInterception('istio'),
  families: ['ipv4'],
  inbound: { include: '*', exclude: ['15090', '15021', '15020'] },
  outbound: { ...defaultInterception('istio').outbound, include: '*' },
};
const held = (interception: Interception): readonly HeldRules[] =>
  asWritten(dialectOf(interception.dialect).write(interception), 'as written').held;
const rules = (text: string): readonly HeldRules[] => parseSave(text).map((set) => ({ backend: 'nft', rules: set }));

const look = (snapshot: Omit<Snapshot, 'origin'>) => audit({ origin: 'a pod', ...snapshot }, NOW);
const kinds = (snapshot: Omit<Snapshot, 'origin'>): readonly string[] =>
  look(snapshot).findings.map(({ kind, level, family = '' }) => [level, kind, family].join(' ').trim());
const finding = (kind: string, snapshot: Omit<Snapshot, 'origin'>) =>
  look(snapshot).findings.find((one) => one.kind === kind);

describe('what is the matter', () => {
  test('where it is too complex to be looked for, that is said', () => {
    const names = Array.from({ length: 300 }, (_, at) => `C${at}`);
    const calls = names.slice(1).map((name, at) => `-A C${at} -p tcp -j ${name}`);
    const text = ['*filter', ...names.map((name) => `:${name} - [0:0]`), '-A INPUT -j C0', ...calls, 'COMMIT', ''];
    const found = look({ held: rules(text.join('\n')) });
    expect(found.leftOut).toEqual(['dead-rule']);
    expect(plainText(auditScreen(found), 200)).toContain(
      'Not looked for to the end, because it is too complex: dead-rule.',
    );
    // Nor is it then said that nothing is the matter.
    expect(found.findings.map(({ kind, says }) => [kind, says])).toEqual(
      ['inbound', 'outbound'].map((way) => [
        'unknown',
        expect.stringMatching(`^where ${way} IPv4 goes is not known, because too complex: chains call one another`),
      ]),
    );
    expect(plainText(auditScreen({ ...found, findings: [] }), 200)).toContain('? nothing was found to be the matter');
  });

  test('what native rules by hand turn to this host goes to the proxy, whose port nothing else tells', () => {
    const text =
      'table inet own {\n chain c {\n type nat hook prerouting priority -100\n tcp dport 80 redirect to :15006\n }\n}\n';
    const { lanes } = look({ held: [], native: parseNft(text) });
    const fates = lanes.filter(({ name }) => name === 'inbound').map(({ ends }) => ends.map(({ fate }) => fate));
    expect(fates).toEqual([expect.arrayContaining(['proxy']), expect.arrayContaining(['proxy'])]);
    expect(fates.flat()).not.toContain('proxy itself');
  });

  test('with an interception as the mesh writes it: nothing', () => {
    expect(kinds({ held: held(ISTIO), interfaces: [LO, ETH0] })).toEqual([]);
    expect(
      kinds({ held: parseSave(readFileSync(POST, 'utf8')).map((set) => ({ backend: 'nft', rules: set })) }),
    ).toEqual([]);
  });

  test('one family open: urgent where the host has such an address, less where that is not known, else not', () => {
    expect(kinds({ held: held(ISTIO), interfaces: [LO, DUAL] })).toEqual([
      'high family-open ipv6',
      'high family-open ipv6',
    ]);
    expect(kinds({ held: held(ISTIO) })).toEqual(['medium family-open ipv6', 'medium family-open ipv6']);
    const both = { ...ISTIO, families: ['ipv4', 'ipv6'] } as const;
    expect(kinds({ held: held(both), interfaces: [LO, DUAL] })).toEqual([]);
    const open = look({ held: held(ISTIO), interfaces: [LO, DUAL] }).findings;
    expect(open[0]?.mend).toContain('--family both');
    // The rule is that which the other family has.
    expect(open.map(({ rules: [rule] }) => `${rule?.family} ${rule?.chain}`)).toEqual([
      'ipv4 ISTIO_IN_REDIRECT',
      'ipv4 ISTIO_REDIRECT',
    ]);
    // Of a list the packet is one to a port of it.
    const listed = held({ ...ISTIO, inbound: { include: ['9000'], exclude: [] } });
    const [first] = look({ held: listed, interfaces: [LO, DUAL] }).findings;
    expect(first?.says).toContain('→ [2001:db8::5]:9000 on eth0');
    expect(first?.rules).toMatchObject([{ family: 'ipv4', chain: 'ISTIO_IN_REDIRECT' }]);
    const there = audit(
      { origin: 'a pod', held: held(ISTIO), interfaces: [LO, DUAL] },
      NOW,
      (words) => `s ${words} --pid 7`,
    );
    expect(there.findings[0]?.mend).toMatch(/^s init .*--family both.* --pid 7$/);
  });

  test('one family open to some ports: those that the other one catches, and to whom a packet to one of them goes', () => {
    const redirect = (...ports: readonly number[]) =>
      ports.map((port) => `-A PREROUTING -p tcp -m tcp --dport ${port} -j REDIRECT --to-ports 15006\n`).join('');
    const text = (four: string, six: string) =>
      rules(`# family ipv4\n*nat\n${four}COMMIT\n# family ipv6\n*nat\n${six}COMMIT\n`);
    expect(kinds({ held: text(redirect(80, 81), redirect(81, 80)) })).toEqual([]);
    const uneven = text(redirect(80, 8888, 9000), redirect(80));
    expect(kinds({ held: uneven })).toEqual(['medium family-open ipv6']);
    const found = finding('family-open', { held: uneven, interfaces: [LO, DUAL] });
    expect(found?.says).toBe(
      'inbound IPv6 to :8888 and :9000 is not intercepted, though IPv4 is: ' +
        'in tcp [2001:db8::9]:40000 → [2001:db8::5]:8888 on eth0 → the app on :8888.',
    );
    expect(kinds({ held: uneven, interfaces: [LO, ETH0] })).toEqual([]);
    // What is dropped does not pass.
    const dropped = '*filter\n-A INPUT -p tcp -m tcp --dport 15006 -j DROP\nCOMMIT\n';
    const both = { ...ISTIO, families: ['ipv4', 'ipv6'] } as const;
    const [ipv4, ipv6] = held(both) as [HeldRules, HeldRules];
    const lost = { held: [...rules(`${dropped}${printSave(ipv4.rules)}`), ipv6], interfaces: [LO, DUAL] };
    expect(kinds(lost)).toEqual(['medium foreign-rule ipv4']);
  });

  test('how an open family is closed: with networks of its own, and in a form that knows it', () => {
    const networks = { ...ISTIO, families: ['ipv4', 'ipv6'], outbound: { ...ISTIO.outbound, include: ['10.0.0.0/8'] } };
    const mend = (interception: Interception) =>
      finding('family-open', { held: held(interception), interfaces: [LO, DUAL] })?.mend;
    expect(mend(networks as Interception)).toMatch(/ -i 10\.0\.0\.0\/8,::\/0 /);
    const old = {
      ...defaultInterception('istio-2018'),
      inbound: { include: '*', exclude: [] },
      outbound: ISTIO.outbound,
    };
    expect(mend({ ...old, families: ['ipv4', 'ipv6'] } as Interception)).toMatch(/^sidestep init --dialect istio /);
  });

  test("root's connections pass, as if they were the proxy's", () => {
    const of = (proxy: Partial<Interception['proxy']>) =>
      kinds({ held: held({ ...ISTIO, proxy: { ...ISTIO.proxy, ...proxy } }), interfaces: [LO, ETH0] });
    expect(of({})).toEqual([]);
    expect(of({ uids: ['0'] })).toEqual(['medium root-exempt ipv4']);
    expect(of({ uids: ['0'], gids: ['0'] })).toEqual(['medium root-exempt ipv4', 'medium root-exempt ipv4']);
    const found = finding('root-exempt', {
      held: held({ ...ISTIO, proxy: { ...ISTIO.proxy, uids: ['0'] } }),
      interfaces: [LO, ETH0],
    });
    expect(found?.says).toContain('out tcp 10.0.0.5:40000 → 10.0.0.9:80 from uid 0 gid 1000 is not intercepted');
    expect(found?.rules).toMatchObject([{ table: 'nat', chain: 'ISTIO_OUTPUT' }]);
  });

  test('options that void each other, where they are told, with a packet that shows it', () => {
    const told = (given: Partial<Interception>) => {
      const asked = { ...ISTIO, ...given };
      const snapshot = { origin: 'what was asked for', held: held(asked), interfaces: [LO, ETH0] };
      return audit(snapshot, NOW, (words) => words, asked).findings.filter(({ kind }) => kind === 'void-option');
    };
    const [listed] = told({ inbound: { include: ['8080', '8888'], exclude: ['8888'] } });
    expect(listed?.says).toMatch(
      /^inbound\.exclude: excluding 8888 has no effect .*:8888 on eth0 → the proxy on :15006\.$/,
    );
    expect(listed?.rules).toMatchObject([{ chain: 'ISTIO_IN_REDIRECT', number: 1 }]);
    expect(listed?.mend).toContain('inbound.exclude');
    const { outbound } = ISTIO;
    const [both] = told({ outbound: { ...outbound, include: [], includePorts: ['80'], excludePorts: ['80'] } });
    expect(both?.says).toMatch(/ out tcp .*:80 .* → sent by eth0, past the proxy\.$/);
    const [network] = told({ outbound: { ...outbound, include: ['10.1.0.0/16'], exclude: ['10.0.0.0/8'] } });
    expect(network?.says).toContain('→ 10.1.0.1:80 from uid 1000');
    expect(network?.rules).toMatchObject([{ chain: 'ISTIO_OUTPUT' }]);
    const [port] = told({ outbound: { ...outbound, include: '*', includePorts: ['443'] } });
    expect(port?.says).toMatch(/ change nothing: out tcp .*:443 .* → the proxy on :15001\.$/);
    expect(port?.rules).toMatchObject([{ chain: 'ISTIO_REDIRECT' }]);
    const dns = { ...ISTIO.dns, capture: true, all: false, servers: ['10.96.0.10'] };
    const [query] = told({ families: ['ipv4', 'ipv6'], dns });
    expect(query?.says).toMatch(/ in that family: out udp \[.*\]:53 .* → sent by eth0, past the proxy\.$/);
    // IPv6 lacks what IPv4 has.
    expect(query?.rules).toMatchObject([{ family: 'ipv4', chain: 'ISTIO_OUTPUT_DNS' }]);
  });

  test('nobody listens where connections are turned to', () => {
    const listeners = [listener(8080, 1000), listener(15001, 1337)];
    const found = finding('deaf-proxy', { held: held(ISTIO), interfaces: [LO, ETH0], listeners });
    expect(found?.says).toContain(':15006');
    expect(found?.rules).toMatchObject([{ family: 'ipv4', table: 'nat', chain: 'ISTIO_IN_REDIRECT', number: 1 }]);
    const all = [...listeners, listener(15006, 1337)];
    expect(kinds({ held: held(ISTIO), interfaces: [LO, ETH0], listeners: all })).toEqual([]);
  });

  test('nor where TPROXY hands connections to: nobody, or who cannot take them', () => {
    const tproxy = { ...ISTIO, mode: 'TPROXY' } as const;
    const on = (...listeners: readonly Listener[]) =>
      finding('deaf-proxy', {
        held: held(tproxy),
        interfaces: [LO, ETH0],
        listeners: [listener(15001, 1337), ...listeners],
      });
    expect(on({ ...listener(15006, 0), transparent: true })).toBeUndefined();
    for (const deaf of [on(), on(listener(15006, 0))]) {
      expect(deaf?.says).toBe(
        'inbound IPv4 is handed to :15006, and no socket there takes it: in tcp 10.0.0.9:40000 → 10.0.0.5:80 on eth0 is dropped.',
      );
      expect(deaf?.rules).toMatchObject([{ table: 'mangle', chain: 'ISTIO_TPROXY', number: 1 }]);
      expect(deaf?.example?.trace.outcome.kind).toBe('dropped');
    }
  });

  test('of a listing that hides interfaces nothing is claimed that hangs on them', () => {
    const text = readFileSync(new URL('../cases/listing/post-2018.txt', import.meta.url), 'utf8');
    expect(kinds(readInput(text, { source: 'rules.txt', note: () => {} }))).toEqual([]);
  });

  test("routing that TPROXY lacks, and the command that writes the mesh's rules anew", () => {
    const tproxy = { ...ISTIO, mode: 'TPROXY' } as const;
    const rule = (priority: number, table: number) => ({ family: 'ipv4', priority, table }) as const;
    const machine = {
      interfaces: [LO, ETH0],
      routingRules: [rule(0, 255), rule(32_766, 254)],
      routes: [{ family: 'ipv4', table: 254, kind: 'unicast', destination: 0, length: 0, device: 'eth0', metric: 0 }],
    } as const;
    const found = finding('drift', { held: held(tproxy), ...machine });
    expect(found?.says).toMatch(
      /^routing: missing: ip -4 rule add fwmark 1337 lookup 133: out .* with mark 0x539 → .* and with the routing as it should be → /,
    );
    expect(found?.level).toBe('medium');
    expect(found?.example?.question.packet.mark).toBe(1337);
    expect(found?.rules).toHaveLength(1);
    // Without any routes nothing gets there at all.
    const none = finding('drift', { held: held(tproxy), interfaces: [LO, ETH0], routingRules: [], routes: [] });
    expect(none?.level).toBe('high');
    expect(none?.says).toMatch(
      /: in tcp .*:80 on eth0 → dropped, and with the routing as it should be → the proxy on :15006\.$/,
    );
    expect(found?.mend).toMatch(/^sidestep init --dialect istio .*-m TPROXY.* --reconcile$/);
  });

  test("the proxy's own connections come back to it", () => {
    const everybody = '*nat\n-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 15001\nCOMMIT\n';
    const some =
      '*nat\n-A OUTPUT -m owner --uid-owner 1337 -j RETURN\n-A OUTPUT -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n';
    expect(kinds({ held: rules(everybody) })).toEqual(['high loop ipv4']);
    expect(finding('loop', { held: rules(everybody) })?.says).toMatch(
      / whoever calls, so what the proxy itself sends comes back to it, as does out tcp 10\.0\.0\.5:40000 → 10\.0\.0\.9:80 from /,
    );
    expect(kinds({ held: rules(some) })).toEqual([]);
    const queries = '-A OUTPUT -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053\n';
    expect(kinds({ held: rules(some.replace('-A', `${queries}-A`)) })).toEqual(['high loop ipv4']);
    expect(kinds({ held: rules(some.replace('COMMIT', `${queries}COMMIT`)) })).toEqual(['medium dns-zone ipv4']);
    const as = (uid: number) => kinds({ held: rules(some), interfaces: [LO, ETH0], listeners: [listener(15001, uid)] });
    expect(as(1337)).toEqual([]);
    expect(as(999)).toEqual(['high loop ipv4']);
    // The packet is that user's, though no rule tells it from others.
    const running = { held: rules(some), interfaces: [LO, ETH0], listeners: [listener(15001, 999)] };
    expect(finding('loop', running)?.example?.question.packet.uid).toBe(999);
  });

  test("… or some of them, that the mesh's own rules are to spare", () => {
    const text = held(ISTIO)
      .map((one) => printSave(one.rules))
      .join('');
    const spared = '-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN';
    const drifted = text.replace(spared, spared.replace('-j', '--gid-owner 1337 -j'));
    expect(drifted).not.toBe(text);
    expect(finding('loop', { held: rules(drifted), interfaces: [LO, ETH0] })?.says).toMatch(
      /^uid 1337 is the proxy's by these rules, and some outbound IPv4 of it is turned .* from uid 1337 gid 1000 comes back/,
    );
    expect(finding('loop', { held: held(ISTIO), interfaces: [LO, ETH0] })).toBeUndefined();
  });

  test('what comes over a wire has no mark: of TPROXY only that inbound is intercepted is said', () => {
    const lane = look({ held: held({ ...ISTIO, mode: 'TPROXY' }), interfaces: [LO, ETH0] }).lanes.find(
      ({ name }) => name === 'inbound',
    );
    expect(lane?.all.where({ kind: 'bits', field: 'mark', mask: 0x539, value: 0x539 }).isEmpty).toBe(true);
  });

  test("rules of Docker's that match nothing on this host are its own business", () => {
    const docker =
      '*filter\n:DOCKER - [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -p tcp -j DOCKER-USER\n-A FORWARD -p tcp -j DOCKER\n';
    const dead = (chain: string) => rules(`${docker}-A ${chain} -p udp -j DROP\nCOMMIT\n`);
    expect(kinds({ held: dead('DOCKER') })).toEqual([]);
    expect(kinds({ held: dead('DOCKER-USER') })).toEqual(['info dead-rule ipv4']);
  });

  test("DNS that is caught, and the proxy's own queries in the same zone of conntrack", () => {
    const dns = { ...ISTIO, dns: { ...ISTIO.dns, capture: true, all: true } };
    expect(kinds({ held: held(dns), interfaces: [LO, ETH0] })).toEqual([]);
    const [ipv4, ipv6] = held(dns) as [HeldRules, HeldRules];
    const unzoned = printSave(ipv4.rules).replace(/\*raw\n[^*]*COMMIT\n/, (raw) => raw.replace(/^-A .*\n/gm, ''));
    const on = { held: [...rules(unzoned), ipv6], interfaces: [LO, ETH0] };
    expect(kinds(on)).toContain('medium dns-zone ipv4');
    const found = finding('dns-zone', on);
    expect(found?.says).toContain('out udp 10.0.0.5:40000 → 10.0.0.9:53 from uid 1000 gid 1000');
    expect(found?.rules).toMatchObject([{ table: 'nat', chain: 'ISTIO_OUTPUT_DNS' }]);
    expect(found?.mend).toMatch(/^sidestep init .*--capture-dns.* --reconcile$/);
    // Of a mesh's whose zones are not known to be written elsewhere, too.
    expect(kinds({ held: rules(KUMA) })).toContain('medium dns-zone ipv4');
  });

  test("ports of apps that pass by, to which the mesh's clients may send mutual TLS; not the mesh's own", () => {
    const leaving = (...exclude: readonly string[]) => ({
      held: held({ ...ISTIO, inbound: { include: '*', exclude: [...ISTIO.inbound.exclude, '22', ...exclude] } }),
      interfaces: [LO, ETH0],
    });
    expect(kinds(leaving())).toEqual([]);
    expect(kinds(leaving('8888', '9000:9002'))).toEqual(['info mutual-tls']);
    const found = finding('mutual-tls', leaving('8888', '9000:9002'));
    expect(found?.says).toMatch(/^inbound tcp to :8888 and :9000–9002 passes .*:8888 on eth0 → the app on :8888\.$/);
    expect(found?.rules).toMatchObject([{ chain: 'ISTIO_INBOUND' }]);
    // Nobody is there to misunderstand it.
    expect(kinds({ ...leaving('8888'), listeners: [listener(15001, 1337), listener(15006, 1337)] })).toEqual([]);
  });

  test("an app runs as the proxy's user", () => {
    const listeners = [listener(15001, 1337), listener(15006, 1337), listener(15021, 1337)];
    const on = { held: held(ISTIO), interfaces: [LO, ETH0] };
    expect(kinds({ ...on, listeners: [...listeners, listener(8080, 1000)] })).toEqual([]);
    const found = finding('app-exempt', { ...on, listeners: [...listeners, listener(8080, 1337, 'node')] });
    expect(found?.says).toContain('node (pid 7) on :8080 runs as uid 1337');
    expect(found?.example?.trace.outcome.kind).toBe('sent');
    // The agent beside the proxy is no app, whatever it listens on; what only this host reaches is not intercepted.
    const local = { ...listener(9000, 1337), address: 0x7f00_0001 };
    for (const agent of [listener(15053, 1337, 'agent'), local])
      expect(kinds({ ...on, listeners: [...listeners, agent] })).toEqual([]);
    const one = { ...listener(15000, 1337, 'envoy'), address: 0x7f00_0001 };
    expect(kinds({ ...on, listeners: [...listeners, one, listener(15004, 1337, 'envoy')] })).toEqual([]);
  });

  test('what comes in by another interface', () => {
    const second = card('net1', 3, own('192.0.2.5', 24));
    const excluded = { ...ISTIO, interfaces: { ...ISTIO.interfaces, exclude: ['net1'] } };
    expect(kinds({ held: held(ISTIO), interfaces: [LO, ETH0, second] })).toEqual([]);
    const found = finding('interface-open', { held: held(excluded), interfaces: [LO, ETH0, second] });
    expect(found?.says).toMatch(
      /^inbound IPv4 by net1 is not intercepted, though it is by others: .* on net1 → the app/,
    );
    expect(found?.example?.question.packet.in).toBe('net1');
    // Where interfaces were not read, one that rules name.
    const unread = look({ held: held(excluded) }).findings.filter(({ kind }) => kind === 'interface-open');
    expect(unread.map(({ says }) => says)).toEqual([
      expect.stringMatching(/^inbound IPv4 by net1 is not .* on net1 → the app on :80 .* that was not read\.$/),
      expect.stringMatching(/^outbound IPv4 by net1 is not .* by net1 .* → sent by net1, past the proxy\. It matters/),
    ]);
    // What leaves by it, as the routes have it.
    const route = (text: string, length: number, device: string): Route => {
      const { family, value } = parseAddress(text)!;
      return { family, table: 254, kind: 'unicast', destination: value, length, device, metric: 0 };
    };
    const routingRules = [0, 32_766].map(
      (priority) => ({ family: 'ipv4', priority, table: priority === 0 ? 255 : 254 }) as const,
    );
    const routes = [route('0.0.0.0', 0, 'eth0'), route('192.0.2.0', 24, 'net1')];
    const leaving = look({ held: held(excluded), interfaces: [LO, ETH0, second], routes, routingRules }).findings;
    expect(leaving.map(({ kind, says }) => `${kind}: ${says}`)).toEqual([
      expect.stringMatching(/^interface-open: inbound IPv4 by net1 /),
      expect.stringMatching(/^interface-open: outbound IPv4 by net1 is not .* → sent by net1, past the proxy\.$/),
    ]);
    const { native = [] } = dialectOf('istio-nft').write({ ...excluded, dialect: 'istio-nft' });
    const ofNft = { held: [], native: nativeModel(native), interfaces: [LO, ETH0, second], routes, routingRules };
    expect(look(ofNft).findings.map(({ says }) => says)).toContainEqual(
      expect.stringMatching(/^outbound IPv4 by net1 is not intercepted/),
    );
    const networks = { ...ISTIO, outbound: { ...ISTIO.outbound, exclude: ['192.0.2.0/24'] } };
    expect(kinds({ held: held(networks), interfaces: [LO, ETH0, second], routes, routingRules })).toEqual([]);
    // A rule of the mesh's own that matches nothing is its own business.
    expect(kinds({ held: held(excluded), interfaces: [LO, ETH0], routes: routes.slice(0, 1), routingRules })).toEqual(
      [],
    );
  });

  test('rules of others, bypasses, and what is missing', () => {
    const [ipv4, ipv6] = held(ISTIO) as [HeldRules, HeldRules];
    const edited = (edit: (text: string) => string) => {
      const text = edit(printSave(ipv4.rules));
      return { held: [...rules(text), ipv6], interfaces: [LO, ETH0] };
    };
    const foreign = edited((text) =>
      text.replace('-A PREROUTING', '-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN\n-A PREROUTING'),
    );
    expect(kinds(foreign)).toEqual(['medium dodge ipv4']);
    expect(finding('dodge', foreign)?.says).toMatch(
      /^inbound IPv4 tcp :8888 passes the proxy by: nat PREROUTING 1 .* lets it, and is not the mesh's: .* → the app on :8888\.$/,
    );
    const refusing = edited((text) =>
      text.replace(
        '-A PREROUTING',
        '-A PREROUTING -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 9000\n-A PREROUTING',
      ),
    );
    expect(finding('foreign-rule', refusing)?.says).toContain('in tcp/8888 goes to the app on :9000');
    const moved = edited((text) =>
      text
        .replace('-A ISTIO_INBOUND -p tcp -m tcp --dport 15021 -j RETURN\n', '')
        .replace(
          /-A ISTIO_INBOUND -p tcp -m tcp --dport 15020 .*\n/,
          '$&-A ISTIO_INBOUND -p tcp -m tcp --dport 15020 -j ACCEPT\n',
        ),
    );
    const idle = finding('drift', moved);
    expect(idle?.level).toBe('medium');
    expect(idle?.says).toMatch(/: in tcp .* → .*, with this difference and without\.$/);
    expect(idle?.example).toBeDefined();
    const missing = edited((text) => text.replace(/^-A ISTIO_IN_REDIRECT .*\n/m, ''));
    expect(kinds(missing)).toContain('high drift ipv4');
  });

  describe('what dodges the proxy', () => {
    const [ipv4, ipv6] = held(ISTIO) as [HeldRules, HeldRules];
    /** Rules put before the first one of their chain in Istio's. */
    const beside = (...added: readonly string[]) => {
      const text = added.reduceRight((now, rule) => {
        const [, chain] = rule.split(' ');
        return now.replace(`-A ${chain} `, `${rule}\n-A ${chain} `);
      }, printSave(ipv4.rules));
      return { held: [...rules(text), ipv6], interfaces: [LO, ETH0] };
    };
    const told = (snapshot: Omit<Snapshot, 'origin'>) =>
      look(snapshot).findings.map(({ kind, says, rules: [rule] }) => [kind, rule?.chain, rule?.number, says] as const);

    test('by source, port, interface and user: each rule once, with a packet and the way to take it away', () => {
      const by = beside(
        '-A PREROUTING -s 10.9.0.0/16 -j RETURN',
        '-A PREROUTING -i eth0 -p tcp -m tcp --sport 7 -j ACCEPT',
        '-A PREROUTING -p tcp -m tcp --dport 22 -j RETURN',
        '-A OUTPUT -m owner --uid-owner 0 -j RETURN',
      );
      expect(told(by)).toEqual([
        [
          'dodge',
          'PREROUTING',
          1,
          expect.stringMatching(/^inbound IPv4 from 10\.9\.0\.0\/16 passes .* → the app on :80/),
        ],
        [
          'dodge',
          'PREROUTING',
          2,
          expect.stringMatching(/^inbound IPv4 tcp, in eth0, from port 7 passes the proxy by: /),
        ],
        [
          'dodge',
          'PREROUTING',
          3,
          expect.stringMatching(/^inbound IPv4 tcp :22 passes .* → the app on :22 \(ssh\)\.$/),
        ],
        [
          'dodge',
          'OUTPUT',
          1,
          expect.stringMatching(/^outbound IPv4 from uid 0 passes .* from uid 0 .* → sent by eth0/),
        ],
      ]);
      // A call to an own address is one's own, though another rule would let it pass as well.
      const own = beside('-A OUTPUT -o lo -p tcp -m tcp --dport 443 -j RETURN', '-A OUTPUT -j RETURN');
      expect(told(own)[0]?.[3]).toMatch(/^self IPv4 tcp :443, out lo passes /);
      const [first] = look(by).findings;
      expect(first?.level).toBe('medium');
      expect(first?.mend).toMatch(/: iptables-nft -t nat -D PREROUTING -s 10\.9\.0\.0\/16 -j RETURN$/);
      expect(first?.example?.trace.outcome).toMatchObject({ kind: 'app', port: 80 });
    });

    test("in a chain of the mesh's own, which it writes anew", () => {
      const [found, ...more] = look(beside('-A ISTIO_INBOUND -s 10.8.0.0/16 -j RETURN')).findings;
      expect(more).toEqual([]);
      expect(found).toMatchObject({ kind: 'dodge', level: 'high', rules: [{ chain: 'ISTIO_INBOUND', number: 1 }] });
      expect(found?.mend).toMatch(/^sidestep init .* --reconcile$/);
    });

    test('by the address of a card, and in native tables: what a packet in words does not tell', () => {
      const mac = '-p tcp -m mac --mac-source 00:11:22:33:44:55';
      const [found, ...more] = look(beside(`-A PREROUTING ${mac} -j RETURN`)).findings;
      expect(more).toEqual([]);
      expect(found).toMatchObject({ kind: 'dodge', example: { trace: { outcome: { kind: 'app', port: 80 } } } });
      expect(found?.says).toMatch(/^inbound IPv4 tcp, source MAC address 00:11:22:33:44:55 passes the proxy by: /);
      const native = nativeModel(dialectOf('istio-nft').write({ ...ISTIO, dialect: 'istio-nft' }).native ?? []);
      const text = printNft(native).replace(/(chain istio-inbound \{\n)/, '$1ip saddr 10.3.0.0/16 counter return\n');
      const snapshot = { origin: 'a pod', held: [], native: parseNft(text), interfaces: [LO, ETH0] };
      expect(kinds(snapshot)).toEqual(['high dodge ipv4']);
      expect(finding('dodge', snapshot)?.rules[0]?.line).toBe(
        text.split('\n').findIndex((line) => line.includes('10.3.')) + 1,
      );
      expect(finding('dodge', snapshot)?.says).toMatch(
        /^inbound IPv4 from 10\.3\.0\.0\/16 .* → the app on :80 \(http\)\.$/,
      );
    });

    test('what drops by the address of a card has a packet with it, and chance is no end', () => {
      const mac = '-p tcp -m mac --mac-source 00:11:22:33:44:55';
      const dropped = finding('foreign-rule', beside(`-A PREROUTING ${mac} -j DNAT --to-destination 10.0.0.5:9`));
      expect(dropped?.says).toMatch(
        / mac 00:11:22:33:44:55 → .*, and without this difference → the proxy on :15006\.$/,
      );
      const chance = '-A PREROUTING -p tcp -m statistic --mode random --probability 0.5 -j RETURN';
      expect(kinds(beside(chance))).toEqual(['medium foreign-rule ipv4']);
    });

    test('all of it, where the list of owner groups was set and empty', () => {
      const [found, ...more] = look(beside('-A ISTIO_OUTPUT -j RETURN')).findings;
      expect(more).toEqual([]);
      expect(found).toMatchObject({ kind: 'dodge', level: 'high', rules: [{ chain: 'ISTIO_OUTPUT', number: 1 }] });
      expect(found?.mend).not.toContain('-x');
    });

    test('of who listens as such a user, and what comes by such an interface, the rule is told and no other kind', () => {
      const listeners = [listener(15001, 1337), listener(15006, 1337), listener(8080, 1000)];
      const user = beside('-A OUTPUT -m owner --uid-owner 1000 -j RETURN');
      expect(told({ ...user, listeners }).map(([kind]) => kind)).toEqual(['dodge']);
      const card1 = beside('-A PREROUTING -i net1 -j RETURN');
      const interfaces = [LO, ETH0, card('net1', 3, own('192.0.2.5', 24))];
      expect(told({ ...card1, interfaces }).map(([kind]) => kind)).toEqual(['dodge']);
    });

    test('a rule more that changes nothing, or comes too late, is none', () => {
      expect(told(beside('-A PREROUTING -p udp -m udp --dport 53 -j RETURN'))).toEqual([]);
      expect(told(beside('-A PREROUTING -p tcp -m tcp --dport 15090 -j RETURN'))).toEqual([]);
    });

    test("of rules by hand: not loopback, networks and the proxy's own; what other kinds tell is theirs", () => {
      const byHand = [
        '-A PREROUTING -s 10.9.0.0/16 -j RETURN',
        '-A PREROUTING -p tcp -j REDIRECT --to-ports 15006',
        '-A OUTPUT -o lo -j RETURN',
        '-A OUTPUT -d 10.0.0.0/8 -j RETURN',
        '-A OUTPUT -m owner --uid-owner 0 -j RETURN',
        '-A OUTPUT -m owner --uid-owner 1337 -j RETURN',
        '-A OUTPUT -m owner --uid-owner 33 -j RETURN',
        '-A OUTPUT -p tcp -j REDIRECT --to-ports 15001',
      ];
      const of = (lines: readonly string[]) =>
        look({ held: rules(`*nat\n${lines.join('\n')}\nCOMMIT\n`) }).findings.map(({ kind, level, rules: [rule] }) =>
          [level, kind, rule?.chain, rule?.number].join(' '),
        );
      expect(of(byHand)).toEqual(['medium root-exempt OUTPUT 3', 'info dodge PREROUTING 1', 'info dodge OUTPUT 5']);
      // Nobody can tell which of two users is the proxy's.
      const strangers = byHand.map((line) => line.replace(/1337|owner 0/, (id) => (id === '1337' ? '34' : 'owner 35')));
      expect(of(strangers)).toEqual(['info dodge PREROUTING 1']);
    });

    test("beside a product's rules, not in them", () => {
      const linkerd = [
        ':PROXY_INIT_REDIRECT - [0:0]',
        '-A PREROUTING -s 10.9.0.0/16 -j RETURN',
        '-A PREROUTING -m comment --comment "proxy-init/install-proxy-init-prerouting" -j PROXY_INIT_REDIRECT',
        '-A PROXY_INIT_REDIRECT -p tcp -m multiport --dports 4190,4191 -m comment --comment "proxy-init/ignore-port-4190,4191" -j RETURN',
        '-A PROXY_INIT_REDIRECT -p tcp -m comment --comment "proxy-init/redirect-all-incoming-to-proxy-port" -j REDIRECT --to-ports 4143',
      ];
      expect(told({ held: rules(`*nat\n${linkerd.join('\n')}\nCOMMIT\n`) })).toEqual([
        ['dodge', 'PREROUTING', 1, expect.stringMatching(/^inbound IPv4 from 10\.9\.0\.0\/16 .* is not the mesh's: /)],
      ]);
    });
  });

  test('chains that nothing leads to, and that turn nothing, are no interception to be written anew: clean takes them away', () => {
    const left = { held: rules('*nat\n:ISTIO_OLD - [0:0]\n-A ISTIO_OLD -p tcp -m tcp --dport 5 -j RETURN\nCOMMIT\n') };
    expect(look(left).findings.map(({ kind, mend }) => [kind, mend])).toEqual([['dead-rule', 'sidestep clean']]);
  });

  test('a family of which all but the proxy is refused is not open, and what is open at times goes by no interface', () => {
    const dual = { ...ISTIO, families: ['ipv4', 'ipv6'] } as const;
    const [ipv4, ipv6] = held(dual) as [HeldRules, HeldRules];
    const refusing = rules(`${printSave(ipv4.rules)}*filter\n:INPUT DROP [0:0]\nCOMMIT\n`);
    const shut = { held: [...refusing, ipv6], interfaces: [LO, DUAL] };
    expect(finding('family-open', shut)).toBeUndefined();
    expect(finding('foreign-rule', shut)?.mend).toBe(
      'if nobody meant that, let the chain accept again: iptables-nft -t filter -P INPUT ACCEPT',
    );
    const ends = '-m time --datestop 2026-01-01T00:30:00';
    const timed = printSave(ipv4.rules).replace(
      '-A PREROUTING',
      `-A PREROUTING -p tcp -m tcp --dport 8888 ${ends} -j RETURN\n$&`,
    );
    const cards = [LO, ETH0, card('p0', 3)];
    expect(finding('interface-open', { held: [...rules(timed), ipv6], interfaces: cards })).toBeUndefined();
  });

  test('a bypass that has no effect any more, and where its port goes', () => {
    const [ipv4, ipv6] = held({ ...ISTIO, mode: 'TPROXY' }) as [HeldRules, HeldRules];
    const left = '-A PREROUTING -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN\n';
    const text = printSave(ipv4.rules).replace(/(\*nat\n(?::.*\n)*)/, `$1${left}`);
    const found = finding('idle-bypass', { held: [...rules(text), ipv6], interfaces: [LO, ETH0] });
    expect(found?.says).toMatch(
      /^the IPv4 bypass of tcp 8888 in nat PREROUTING 1 has no effect now: .*:8888 on eth0 → the proxy on :15006, with it and without\.$/,
    );
    expect(found?.mend).toBe('sidestep bypass 8888 --undo');
  });

  test('a bypass that is over has a packet that it names', () => {
    const [ipv4, ipv6] = held(ISTIO) as [HeldRules, HeldRules];
    const over =
      '-A PREROUTING -p tcp -m tcp --dport 9000 -m comment --comment "sidestep bypass" -m time --datestop 2025-12-31T00:00:00 -j RETURN\n';
    const text = printSave(ipv4.rules).replace('-A PREROUTING', `${over}-A PREROUTING`);
    const found = finding('bypass', { held: [...rules(text), ipv6], interfaces: [LO, ETH0] });
    expect(found?.says).toContain('expired at 2025-12-31');
    expect(found?.example?.question).toMatchObject({ direction: 'in', packet: { destinationPort: 9000 } });
    expect(found?.example?.trace.outcome).toMatchObject({ kind: 'proxy', port: 15006 });
  });

  test('a rule by hand that lets nothing pass: where TPROXY catches in mangle, or behind what catches', () => {
    const by = (mode: Interception['mode'], table: 'nat' | 'mangle', place: '-I' | '-A') => {
      const [ipv4, ipv6] = held({ ...ISTIO, mode }) as [HeldRules, HeldRules];
      const rule = '-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN\n';
      const text = printSave(ipv4.rules)
        .split(/(?<=COMMIT\n)/)
        .map((part) =>
          !part.includes(`*${table}\n`)
            ? part
            : place === '-I'
              ? part.replace('-A ', `${rule}-A `)
              : part.replace('COMMIT\n', `${rule}COMMIT\n`),
        )
        .join('');
      return { held: [...rules(text), ipv6], interfaces: [LO, ETH0] };
    };
    expect(kinds(by('REDIRECT', 'nat', '-I'))).toEqual(['medium dodge ipv4']);
    expect(kinds(by('TPROXY', 'mangle', '-I'))).toEqual(['medium dodge ipv4']);
    // Of TPROXY nothing is proved where no routing was read: then no bypass is recommended.
    const sentence = 'take it away, or put it before what catches these connections';
    for (const [idle, mend] of [
      [by('TPROXY', 'nat', '-I'), sentence],
      [by('REDIRECT', 'nat', '-A'), 'sidestep bypass 8888 --apply'],
      [by('TPROXY', 'mangle', '-A'), sentence],
    ] as const) {
      const found = finding('idle-rule', idle);
      expect(found?.says).toMatch(
        /\(-p tcp --dport 8888 -j RETURN\) lets nothing pass: .*:8888 on eth0 → the proxy on :15006\.$/,
      );
      expect(found?.mend).toBe(mend);
    }
  });

  test("the mesh's rules twice: one finding, not one for each of them", () => {
    const [ipv4, ipv6] = held(ISTIO) as [HeldRules, HeldRules];
    const rest = printSave(ipv4.rules)
      .split('\n')
      .filter((line) => line.startsWith('-A'));
    const twice = printSave(ipv4.rules).replace(/COMMIT\n$/, `${rest.join('\n')}\nCOMMIT\n`);
    const on = { held: [...rules(twice), ipv6], interfaces: [LO, ETH0] };
    expect(kinds(on)).toEqual(['medium repeated ipv4']);
    const found = finding('repeated', on);
    expect(found?.says).toMatch(
      /^18 rules of the mesh.s stand in IPv4 once more, .*: nat PREROUTING 2; nat OUTPUT 2; nat ISTIO_INBOUND 6, 7, /,
    );
    expect(found?.rules).toHaveLength(18);
    expect(found?.example?.trace.steps.some((step) => step.kind === 'rule' && step.answer === 'matched')).toBe(true);
    expect(found?.says).toMatch(/ meets the first of them\.$/);
    expect(found?.mend).toBe("sidestep init --dialect istio -i '*' -b '*' -d 15090,15021,15020 --reconcile");
  });

  test('rules that can never match, and those that take their packets; chains that nothing leads to', () => {
    const text = [
      '*filter',
      ':OLD - [0:0]',
      '-A INPUT -p tcp -m tcp --dport 1:1000 -j ACCEPT',
      '-A INPUT -p tcp -m tcp --dport 80 -j DROP',
      '-A OLD -j DROP',
      'COMMIT',
      '',
    ].join('\n');
    const { findings } = look({ held: rules(text) });
    expect(findings.map(({ says }) => says)).toEqual([
      'no packet comes to IPv4 filter OLD: its rule never matches.',
      'IPv4 filter INPUT 2 can never match: rule 1 takes all of it, as in tcp 10.0.0.9:40000 → 10.0.0.5:80 on eth0.',
    ]);
    expect(findings[1]?.example?.trace.outcome.kind).toBe('app');
    expect(findings[1]?.rules.map(({ number, line }) => [number, line])).toEqual([
      [2, 4],
      [1, 3],
    ]);
  });

  test("of many alike a few are shown, and the others counted; the mesh's own that never match are its own business", () => {
    const dead = Array.from({ length: 20 }, (_, n) => `-A INPUT -p tcp -m tcp --dport ${n + 1} -j DROP`);
    const text = ['*filter', '-A INPUT -p tcp -j ACCEPT', ...dead, 'COMMIT', ''].join('\n');
    const shown = plainText(auditScreen(look({ held: rules(text) })), 120);
    expect(shown).toContain('20 findings: 20 info');
    expect(shown).toContain('and 8 more: -o json has them all');
    const program = dialectOf('istio-nft').write({ ...ISTIO, dialect: 'istio-nft' });
    const native = nativeModel(program.native ?? []);
    expect(kinds({ held: [], native, interfaces: [LO, ETH0] })).toEqual([]);
  });

  test('a bypass in native tables is one that has an effect', () => {
    const program = dialectOf('istio-nft').write({ ...ISTIO, dialect: 'istio-nft', families: ['ipv4', 'ipv6'] });
    const before = { origin: 'a pod', held: [], native: nativeModel(program.native ?? []), interfaces: [LO, DUAL] };
    const after = afterBypass(before, { request: { ports: [[8888, 8888]], now: NOW } });
    expect(kinds(after)).toContain('info bypass ipv4');
    expect(kinds(after).join()).not.toContain('idle-bypass');
  });

  test('native tables of others beside a mesh: which take connections from the proxy, and which rules never match', () => {
    const beside = (chain: string) => {
      const native = parseNft(`table inet other {\n chain c {\n type ${chain}\n }\n}\n`);
      return { held: held({ ...ISTIO, families: ['ipv4', 'ipv6'] }), native, interfaces: [LO, DUAL] };
    };
    const turning = beside('nat hook prerouting priority -110;\n tcp dport 9 redirect to :80');
    expect(kinds(turning)).toEqual(['medium foreign-table']);
    expect(finding('foreign-table', turning)).toMatchObject({
      says: expect.stringMatching(
        /^table inet other .*: in tcp .*:9 on eth0 → the app on :80 \(http\), and without this table → the proxy on :15006\.$/,
      ),
      rules: [{ backend: 'native', table: 'inet other', chain: 'c', number: 1, line: 4 }],
      mend: 'if nobody meant that, take away what does it: nft -a list table inet other',
    });
    // A table for both families in which a rule is for one; both nats are asked; a limit is nobody's end.
    const untracked = 'filter hook prerouting priority -300;\n ip saddr 10.3.0.0/16 notrack';
    expect(kinds(beside(untracked))).toEqual(['medium foreign-table ipv4']);
    expect(kinds(beside('nat hook prerouting priority -110;\n tcp dport 9 accept'))).toEqual([]);
    expect(kinds(beside('filter hook input priority 0;\n limit rate 5/second drop'))).toEqual([]);
    const dead = beside('filter hook input priority 0;\n ip saddr 10.0.0.0/8 accept\n ip saddr 10.1.0.0/16 accept');
    expect(kinds(dead)).toEqual(['info dead-rule ipv4', 'info dead-rule ipv6']);
    expect(finding('dead-rule', dead)?.rules.map(({ line }) => line)).toEqual([5, 4]);
  });

  test('an address of one link is not this host on another', () => {
    const link = (name: string, index: number, text: string) => card(name, index, own(text, 64, 'link'));
    const interfaces = [LO, DUAL, link('eth1', 3, 'fe80::1'), link('eth2', 4, 'fe80::2')];
    const shown = plainText(auditScreen(look({ held: rules('# family ipv6\n*filter\nCOMMIT\n'), interfaces })), 200);
    expect(shown).not.toContain('fe80::');
  });

  test('both back ends at work', () => {
    const text = '*nat\n-A PREROUTING -p tcp -m tcp --dport 9 -j ACCEPT\nCOMMIT\n';
    const [nft] = rules(text) as [HeldRules];
    const both = { held: [nft, { ...nft, backend: 'legacy' } as const] };
    expect(kinds(both)).toContain('medium both-backends ipv4');
    expect(finding('both-backends', both)?.rules.map(({ backend }) => backend)).toEqual(['nft', 'legacy']);
    // nat is not asked where nothing switches connection tracking on.
    expect(finding('both-backends', both)?.says).toMatch(/: in tcp .*:9 on eth0 is one that these rules ask for\.$/);
    const inMangle = (port: number) =>
      rules(text.replace('nat', 'mangle').replace('--dport 9', `--dport ${port}`))[0] as HeldRules;
    const saying = (port: number) =>
      finding('both-backends', { held: [inMangle(9), { ...inMangle(port), backend: 'legacy' }] })?.says;
    expect(saying(9)).toMatch(/: in tcp .*:9 on eth0 meets rules of both\.$/);
    expect(saying(10)).toMatch(/: in tcp .* is looked at by rules of both\.$/);
    // Whose the mesh's rules are is said where they are to be written anew.
    const twice = {
      held: [...held(ISTIO), { ...held(ISTIO)[0]!, backend: 'legacy' } as const],
      interfaces: [LO, ETH0],
    };
    expect(finding('drift', twice)?.mend).toMatch(/ --reconcile --backend nft$/);
    expect(finding('both-backends', twice)?.says).toMatch(/: .* meets rules of both\.$/);
  });

  test('where packets go is not known: the rule on which that hangs, a packet, its ends, and who knows', () => {
    const unread = (...lines: readonly string[]): readonly HeldRules[] =>
      parseSave(`${lines.join('\n')}\nCOMMIT\n`, { keepGoing: true }).map((set) => ({ backend: 'nft', rules: set }));
    const unknowns = (...lines: readonly string[]) =>
      look({ held: unread(...lines) }).findings.filter(({ kind }) => kind === 'unknown');
    const on = unread('*nat', '-A PREROUTING -m nosuchmatch --foo -j REDIRECT --to-ports 15001');
    expect(look({ held: on }).lanes[0]?.ends.some(({ perhaps }) => perhaps)).toBe(true);
    const [found, ...more] = unknowns(
      '*nat',
      '-A PREROUTING -p tcp -m tcp --dport 80 -m nosuchmatch --foo -j REDIRECT --to-ports 15001',
    );
    expect(more).toEqual([]);
    expect(found?.says).toBe(
      'where some of inbound IPv4 goes hangs on nat PREROUTING 1 (-p tcp --dport 80 -m nosuchmatch --foo -j REDIRECT --to-ports 15001), ' +
        'and Sidestep does not know the match "nosuchmatch": tcp to port 80; ' +
        'in tcp 10.0.0.9:40000 → 10.0.0.5:80 on eth0 → the proxy on :15001 or the app on :80 (http).',
    );
    expect(found?.level).toBe('info');
    expect(found?.example?.trace.outcome.kind).toBe('unknown');
    expect(found?.rules).toEqual([
      { family: 'ipv4', table: 'nat', backend: 'nft', chain: 'PREROUTING', number: 1, line: 2 },
    ]);
    expect(found?.mend).toBe("sidestep trace --live 'in tcp/80'");
    // On another way than the first, in which all of them match.
    const behind = unknowns(
      '*nat',
      '-A PREROUTING -p tcp -m nosuchmatch --foo -j REDIRECT --to-ports 15001',
      'COMMIT',
      '*filter',
      '-A INPUT -p tcp -m tcp --dport 25 -m string --string x --algo bm -j DROP',
    );
    expect(behind.map(({ rules: [rule] }) => `${rule?.table} ${rule?.chain} ${rule?.number}`)).toEqual([
      'nat PREROUTING 1',
      'filter INPUT 1',
    ]);
    // What the kernel leaves to chance or to the hour is no want of knowledge.
    for (const chance of ['statistic --mode random --probability 0.5', 'time --timestart 10:00', 'limit --limit 1/s'])
      expect(unknowns('*filter', `-A INPUT -p tcp -m ${chance} -j DROP`)).toEqual([]);
    // A target that is not known, behind a match that is not.
    const [both, ...rest] = unknowns('*filter', '-A INPUT -m nosuchmatch --foo -j NOSUCH --bar').filter(
      ({ says }) => !says.includes(' self '),
    );
    expect(rest).toEqual([]);
    expect(both?.says).toContain('Sidestep does not know the target "NOSUCH"');
    expect(both?.rules).toMatchObject([{ table: 'filter', chain: 'INPUT', number: 1 }]);
    const native = readInput(
      'table ip t {\n chain c {\n type filter hook input priority 0;\n rt classid 7 drop\n }\n}\n',
      {
        source: 'a file',
        note: () => {},
      },
    );
    expect(finding('unknown', native)?.rules).toMatchObject([{ backend: 'native', table: 'ip t', number: 1 }]);
  });
});

test('the packet of a finding is told with all that people ask of it', () => {
  const text =
    '*nat\n-A PREROUTING -m mac --mac-source 00:11:22:33:44:55 -j RETURN\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15006\nCOMMIT\n';
  const [found] = auditDocument(look({ held: rules(text) })).findings;
  expect(found?.example?.packet).toMatchObject({ ttl: 64, tcpFlags: 'SYN', sourceMac: '00:11:22:33:44:55' });
});

describe('lanes', () => {
  test('hold every packet, once where all is known', () => {
    const { lanes } = look({ held: held(ISTIO), interfaces: [LO, DUAL] });
    expect(lanes.map(({ name, family }) => `${name} ${family}`)).toEqual([
      'inbound ipv4',
      'inbound ipv6',
      'outbound ipv4',
      'outbound ipv6',
      'self ipv4',
      'self ipv6',
    ]);
    for (const { all, ends } of lanes) {
      let left = all;
      for (const { packets } of ends) {
        expect(left.and(packets).equals(packets)).toBe(true);
        left = left.minus(packets);
      }
      expect(left.isEmpty).toBe(true);
    }
  });

  test('an example goes where its lane says', () => {
    const { findings } = look({ held: held(ISTIO), interfaces: [LO, DUAL], listeners: [listener(15001)] });
    expect(findings.length).toBeGreaterThan(2);
    for (const { example, kind } of findings)
      if (example) expect(example.trace.outcome.kind, kind).toMatch(/nobody listens|sent|app/);
  });
});

describe('where all packets go, as it is shown', () => {
  const shown = (text: string): string => plainText(auditScreen(look({ held: rules(text) })), 200);
  const arriving = (...nat: readonly string[]) =>
    shown(`*nat\n${nat.map((rule) => `-A PREROUTING -p tcp -m tcp ${rule}\n`).join('')}COMMIT\n`);

  test('what comes to another port than it asked for stands apart, and so does each port of the proxy', () => {
    const text = arriving(
      '--dport 8080 -j DNAT --to-destination :99',
      '--dport 9080 -j REDIRECT --to-ports 15006',
      '--dport 9081 -j REDIRECT --to-ports 15001',
      '--dport 80 -j DNAT --to-destination 10.0.0.7:81',
    );
    expect(text).toMatch(/^inbound +IPv4 +proxy :15001 +tcp to port 9081$/m);
    expect(text).toMatch(/^ +proxy :15006 +tcp to port 9080$/m);
    expect(text).toMatch(/^ +direct :99 +tcp to port 8080$/m);
    expect(text).toMatch(/^ +direct +tcp to any port but 80, 8080, 9080–9081, 15001, 15006$/m);
    expect(text).toMatch(/^ +forwarded to 10\.0\.0\.7:81 +tcp to port 80/m);
  });

  test('of many places only their number is said', () => {
    const text = arriving(...[1, 2, 3, 4, 5].map((port) => `--dport ${port} -j DNAT --to-destination :${port + 90}`));
    expect(text).toMatch(/^ +direct to 5 places +tcp to port 1–5$/m);
    expect(text).toMatch(/^inbound +IPv4 +direct +tcp to any port but 1–5$/m);
  });
});
