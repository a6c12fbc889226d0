import { describe, expect, test } from 'vitest';
import {
  defaultInterception,
  dialectOf,
  type Interception,
  programmed,
  proxyPortsOf,
  recognise,
  summarise,
} from '../../src/interception/index.ts';
import { emptyRuleSet, type RuleSet, type Snapshot } from '../../src/netfilter/index.ts';
import { parseSave, printSave } from '../../src/text/index.ts';
import { APP_MESH, KUMA, LINKERD } from './products.ts';

const read = (text: string): RuleSet => parseSave(text, { family: 'ipv4' })[0]!;
const holding = (rules: RuleSet): Snapshot => ({ origin: 'a test', held: [{ backend: 'nft', rules }] });

function written(given: Partial<Interception> & Pick<Interception, 'dialect'>, before = emptyRuleSet('ipv4')): RuleSet {
  const usual = defaultInterception(given.dialect);
  const outbound = { ...usual.outbound, include: '*' as const };
  const inbound = { include: '*' as const, exclude: [] };
  return programmed(before, dialectOf(given.dialect).write({ ...usual, outbound, inbound, ...given }), 'ipv4');
}

describe('who wrote the rules, and how they catch', () => {
  test.for([
    ['istio-2018', 'REDIRECT', 'Istio (2018 form)', [15001]],
    ['istio-2018', 'TPROXY', 'Istio (2018 form)', [15001]],
    ['istio-2018', 'NONE', 'Istio (2018 form)', [15001]],
    ['istio', 'REDIRECT', 'Istio', [15001, 15006, 15008]],
    ['istio', 'TPROXY', 'Istio', [15001, 15006, 15008]],
    ['istio', 'NONE', 'Istio', [15001, 15006, 15008]],
  ] as const)('%s, %s', ([dialect, mode, title, ports]) => {
    const rules = written({ dialect, mode });
    expect(recognise(rules)).toMatchObject({
      dialect,
      title,
      mode,
      family: 'ipv4',
      proxyPorts: ports,
      proxy: { uids: ['1337'], gids: ['1337'], marks: [] },
      foreign: [],
      doubts: [],
    });
    expect(proxyPortsOf(holding(rules))).toEqual(ports);
  });

  test('the tunnel is where the proxy’s own calls say that it is, whatever somebody has put before its rule', () => {
    const rules = written({ dialect: 'istio' });
    const preceded = (set: RuleSet): RuleSet =>
      parseSave(
        printSave(set).replace(
          '-A ISTIO_INBOUND ',
          '-A ISTIO_INBOUND -p tcp -m tcp --dport 9000 -j RETURN\n-A ISTIO_INBOUND ',
        ),
      )[0]!;
    expect(proxyPortsOf(holding(preceded(rules)))).toEqual([15001, 15006, 15008]);
    const dns = { capture: true, all: true, port: 15053, servers: [] };
    expect(proxyPortsOf(holding(preceded(written({ dialect: 'istio', dns }))))).toEqual([15001, 15006, 15008, 15053]);
  });

  test('the port of the agent that answers DNS is the proxy’s too', () => {
    const dns = { capture: true, all: true, port: 15053, servers: [] };
    const rules = written({ dialect: 'istio', dns });
    expect(recognise(rules)?.proxyPorts).toEqual([15001, 15006, 15008, 15053]);
    expect(proxyPortsOf(holding(rules))).toEqual([15001, 15006, 15008, 15053]);
  });

  test('Linkerd', () => {
    const rules = read(LINKERD);
    expect(recognise(rules)).toMatchObject({
      dialect: 'linkerd',
      mode: 'REDIRECT',
      proxyPorts: [4140, 4143],
      proxy: { uids: ['2102'], gids: [] },
      foreign: [],
    });
    expect(summarise(holding(rules)).lines.map(({ label, traffic, to }) => [label, traffic, to])).toEqual([
      ['inbound', 'tcp, but :4190-4191 :4567-4568', 'proxy :4143'],
      ['outbound', 'tcp, but :4567-4568', 'proxy :4140'],
      ['direct', 'inbound tcp :4190-4191 :4567-4568; udp; icmp', undefined],
    ]);
  });

  test('Kuma', () => {
    const rules = read(KUMA);
    expect(recognise(rules)).toMatchObject({
      dialect: 'kuma',
      mode: 'REDIRECT',
      proxyPorts: [15001, 15006, 15053],
      proxy: { uids: ['5678'], gids: [] },
      foreign: [],
    });
    expect(summarise(holding(rules)).lines.map(({ label, traffic, to }) => [label, traffic, to])).toEqual([
      ['inbound', 'tcp, but :9901', 'proxy :15006'],
      ['outbound', 'udp :53', 'proxy :15053'],
      ['outbound', 'tcp, not to 127.0.0.1', 'proxy :15001'],
      ['self', 'tcp, not from 127.0.0.6, not to 127.0.0.1', 'proxy :15006'],
      ['self', 'udp :53', 'proxy :15053'],
      ['direct', 'inbound tcp :9901; the rest of udp; icmp', undefined],
    ]);
  });

  test('App Mesh', () => {
    const { dialect, mode, proxyPorts } = recognise(read(APP_MESH))!;
    expect({ dialect, mode, proxyPorts }).toEqual({
      dialect: 'app-mesh',
      mode: 'REDIRECT',
      proxyPorts: [15000, 15001],
    });
  });

  test.for([
    ['CONSUL_PROXY_INBOUND', 'consul'],
    ['OSM_PROXY_INBOUND', 'osm'],
    ['ISTIO_PRERT', 'istio-ambient'],
  ] as const)('the chain %s is of %s', ([chain, dialect]) => {
    const text = `*nat\n:${chain} - [0:0]\n-A PREROUTING -p tcp -j ${chain}\n-A ${chain} -p tcp -j REDIRECT --to-ports 20000\nCOMMIT\n`;
    expect(recognise(read(text))).toMatchObject({ dialect, proxyPorts: [20000], foreign: [] });
  });

  test('rules that turn nothing are of nobody', () => {
    expect(recognise(read('*filter\n-A INPUT -p tcp --dport 80 -j DROP\nCOMMIT\n'))).toBeUndefined();
    expect(recognise(emptyRuleSet('ipv6'))).toBeUndefined();
  });

  test('chains that nothing jumps to catch nothing, and are recognised all the same', () => {
    const rules = written({ dialect: 'istio' });
    const cut: RuleSet = {
      ...rules,
      tables: rules.tables.map((table) => ({
        ...table,
        chains: table.chains.map((chain) => (chain.policy === undefined ? chain : { ...chain, rules: [] })),
      })),
    };
    expect(recognise(cut)).toMatchObject({ mode: 'NONE', caught: [], doubts: [] });
  });

  test("others' rules are named, by their place", () => {
    const before = read('*nat\n-A PREROUTING -i docker0 -m comment --comment theirs -j RETURN\nCOMMIT\n');
    expect(recognise(written({ dialect: 'istio' }, before))?.foreign).toEqual([
      { table: 'nat', chain: 'PREROUTING', number: 1 },
    ]);
  });
});
