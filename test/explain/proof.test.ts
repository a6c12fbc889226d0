import { describe, expect, test } from 'vitest';
import { isExact, type Proof, placed, plainText, proveBypass } from '../../src/explain/index.ts';
import { cutOff, cutsAll } from '../../src/explain/proof.ts';
import { packetsSaid, proofBlocks } from '../../src/explain/proof-screen.ts';
import {
  afterBypass,
  type BypassRequest,
  parsePorts,
  programmed,
  proxyPortsOf,
  unbypassed,
} from '../../src/interception/index.ts';
import { emptyRuleSet, type Snapshot } from '../../src/netfilter/index.ts';
import { parseNft, parseSave } from '../../src/text/index.ts';
import { programOf } from '../interception/cases.ts';

const snapshotOf = (text: string): Snapshot => ({
  origin: 'rules',
  held: parseSave(text).map((rules) => ({ backend: 'nft', rules })),
});
const request = (ports: string, more: Partial<BypassRequest> = {}): BypassRequest => ({
  ports: parsePorts([ports]),
  now: 1e9,
  ...more,
});
const nat = (...rules: readonly string[]): string =>
  ['*nat', ':MESH_IN - [0:0]', ':MESH_REDIRECT - [0:0]', ...rules, 'COMMIT', ''].join('\n');
const MESH = [
  '-A PREROUTING -p tcp -j MESH_IN',
  '-A MESH_IN -p tcp -m tcp --dport 22 -j RETURN',
  '-A MESH_IN -p tcp -j MESH_REDIRECT',
  '-A MESH_REDIRECT -p tcp -j REDIRECT --to-ports 15006',
];

const proofOf = (text: string, asked: BypassRequest, as: BypassRequest = asked): Proof => {
  const before = snapshotOf(text);
  return proveBypass(before, afterBypass(before, { request: as }), asked, proxyPortsOf(before));
};
const words = (moved: Proof['moved']): readonly string[] =>
  moved.map((one) => `${one.direction} ${packetsSaid(one).join('; ')}: ${one.before.key} → ${one.after.key}`);

describe('a bypass for all packets', () => {
  test('exactly what was asked for changes', () => {
    const proof = proofOf(nat(...MESH), request('8888'));
    expect(isExact(proof)).toBe(true);
    expect(words(proof.moved)).toEqual(['in tcp to port 8888: proxy 15006 → app own']);
    const several = proofOf(nat(...MESH), request('20-23,8888'));
    expect(words(several.moved)).toEqual(['in tcp to port 20–21, 23, 8888: proxy 15006 → app own']);
    expect(isExact(several)).toBe(true);
  });

  test('what passes already does not change', () => {
    const proof = proofOf(nat(...MESH), request('22'));
    expect(isExact(proof)).toBe(true);
    expect(proof.moved).toEqual([]);
  });

  test('what else would change is told', () => {
    const proof = proofOf(nat(...MESH), request('8888'), request('8888-8890'));
    expect(words(proof.beyond)).toEqual(['in tcp to port 8889–8890: proxy 15006 → app own']);
    expect(isExact(proof)).toBe(false);
  });

  test('own calls that nobody asked for are beyond it: a TPROXY takes them as they come in again', () => {
    const tproxy = '*mangle\n-A PREROUTING -p tcp -j TPROXY --on-port 15006 --tproxy-mark 0x1/0x1\nCOMMIT\n';
    const [asked, own] = [request('8888'), request('8888', { self: true })];
    expect(isExact(proofOf(tproxy, asked))).toBe(true);
    expect(words(proofOf(tproxy, asked, own).beyond)).toEqual([expect.stringMatching(/^out tcp to port 8888/)]);
    expect(words(proofOf(tproxy, own).moved).map((line) => line.split(' ')[0])).toEqual(['in', 'out']);
    expect(proofOf(tproxy, own, asked).left).not.toEqual([]);
  });

  test('what was dropped on the way to the proxy is asked for, and not what others’ rules send nowhere', () => {
    const kept = `${nat(...MESH)}*filter\n-A INPUT -p tcp -m tcp --dport 15006 -j DROP\nCOMMIT\n`;
    expect(words(proofOf(kept, request('8888')).moved)).toEqual(['in tcp to port 8888: dropped → app own']);
    const taken = '-A PREROUTING -s 10.9.0.0/16 -p tcp -m tcp --dport 8888 -j DNAT --to-destination 10.77.0.99';
    const nowhere = `${nat(taken, ...MESH)}*filter\n:FORWARD DROP [0:0]\nCOMMIT\n`;
    const { moved, beyond } = proofOf(nowhere, request('8888'));
    expect(words(moved).every((line) => /, from anywhere but 10\.9\.0\.0\/16.*: proxy 15006 → /.test(line))).toBe(true);
    expect(words(beyond)).toContainEqual(
      expect.stringMatching(/^in tcp to port 8888, .*from 10\.9\.0\.0\/16.*: dropped → app own$/),
    );
    const chosen = placed(snapshotOf(nowhere), request('8888'), [15006]);
    expect([isExact(chosen.proof), chosen.request.behind]).toEqual([true, true]);
  });

  test('what machines behind a virtual interface send is outbound, and not asked for', () => {
    const rules = programmed(emptyRuleSet('ipv4'), programOf('-b * -i * -k eth1'.split(' '), 'istio'), 'ipv4');
    const before: Snapshot = { origin: 'a pod', held: [{ backend: 'nft', rules }] };
    const after = afterBypass(before, { request: request('8888') });
    const proof = proveBypass(before, after, request('8888'), proxyPortsOf(before));
    expect(isExact(proof)).toBe(true);
    expect(words(proof.moved)).toEqual([
      expect.stringMatching(/^in tcp to port 8888, on any .*but eth1: proxy 15006 → app own$/),
    ]);
  });

  test('who asks for the port to which all is turned is not kept from anything', () => {
    const proof = proofOf(nat(...MESH), request('15006'));
    expect([isExact(proof), proof.moved]).toEqual([true, []]);
  });

  test('to leave the proxy for another port is not to pass it by', () => {
    const behind = nat(...MESH, '-A PREROUTING -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 9999');
    const edited = request('8888', { edit: true });
    const before = snapshotOf(behind);
    const proof = proveBypass(before, afterBypass(before, { request: edited }), edited, [15006]);
    expect(words(proof.beyond)).toEqual(['in tcp to port 8888: proxy 15006 → app 9999']);
    expect(proof.moved).toEqual([]);
    // A rule before the list does what was asked.
    const best = placed(before, edited, [15006]);
    expect(isExact(best.proof)).toBe(true);
    expect(words(best.proof.moved)).toEqual(['in tcp to port 8888: proxy 15006 → app own']);
  });

  test('what would still go to the proxy is told', () => {
    const proof = proofOf(nat(...MESH), request('8888-8890'), request('8888'));
    expect(proof.left.map((one) => packetsSaid(one))).toEqual([['tcp to port 8889–8890']]);
    expect(isExact(proof)).toBe(false);
  });

  test('what a firewall then lets in nowhere is told, and that it is all of it', () => {
    const firewall = (...rules: readonly string[]): string =>
      [
        nat(...MESH).trimEnd(),
        '*filter',
        ':INPUT DROP [0:0]',
        '-A INPUT -p tcp -m tcp --dport 15006 -j ACCEPT',
        ...rules,
        'COMMIT',
        '',
      ].join('\n');
    const proof = proofOf(firewall(), request('8888'));
    expect(words(proof.moved)).toEqual(['in tcp to port 8888: proxy 15006 → dropped']);
    expect([cutOff(proof).length, cutsAll(proof)]).toEqual([1, true]);
    const part = proofOf(firewall('-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 8888 -j ACCEPT'), request('8888'));
    expect([cutOff(part).length, cutsAll(part)]).toEqual([1, false]);
    const whole = proofOf(firewall('-A INPUT -p tcp -m tcp --dport 8888 -j ACCEPT'), request('8888'));
    expect([cutOff(whole).length, cutsAll(whole)]).toEqual([0, false]);
  });

  test('what was not read is not proved', () => {
    const open = nat('-A PREROUTING -p tcp -m nosuchmatch --thing -j MESH_IN', ...MESH.slice(1));
    const before: Snapshot = {
      origin: 'rules',
      held: parseSave(open, { keepGoing: true }).map((rules) => ({ backend: 'nft', rules })),
    };
    const proof = proveBypass(before, afterBypass(before, { request: request('8888') }), request('8888'), [15006]);
    expect(proof.open).not.toEqual([]);
    expect(isExact(proof)).toBe(false);
  });
});

test('what native rules turn to this host still goes to the proxy, for no rule of iptables is for it', () => {
  const text =
    'table inet own {\n chain c {\n type nat hook prerouting priority -100\n tcp dport 80 redirect to :15006\n }\n}\n';
  const before = { origin: 'rules', held: [], native: parseNft(text) };
  const { left } = proveBypass(before, before, request('80'), []);
  expect(left.map((one) => `${one.family} ${packetsSaid(one)}`)).toEqual([
    'ipv4 tcp to port 80',
    'ipv6 tcp to port 80',
  ]);
});

test('where it is too complex, neither is it said that nothing changes, nor is another way named', () => {
  const names = Array.from({ length: 300 }, (_, at) => `C${at}`);
  const calls = names.slice(1).map((name, at) => `-A C${at} -p tcp -j ${name}`);
  const filter = ['*filter', ...names.map((name) => `:${name} - [0:0]`), '-A INPUT -j C0', ...calls, 'COMMIT', ''];
  const before = snapshotOf(nat(...MESH) + filter.join('\n'));
  const { proof, why } = placed(before, request('8888'), [15006]);
  expect(plainText(proofBlocks(proof), 300).trim()).toMatch(/^\? not proved of some packets, because too complex: .*$/);
  expect(why).toBeUndefined();
});

describe('where a bypass is put', () => {
  const OTHERS = '-A PREROUTING -i eth1 -p tcp -m tcp --dport 8888 -j DNAT --to-destination 172.17.0.2:80';
  const where = (text: string, asked: BypassRequest): readonly [behind: boolean, Proof] => {
    const before = snapshotOf(text);
    const proxyPorts = proxyPortsOf(before);
    const { request: chosen, proof } = placed(before, asked, proxyPorts);
    return [chosen.behind === true, proof];
  };

  test('at the top, where it takes nothing of others', () => {
    const [behind, proof] = where(nat(...MESH), request('8888'));
    expect(behind).toBe(false);
    expect(isExact(proof)).toBe(true);
  });

  test("behind others' rules that would lose packets, and so it changes nothing else", () => {
    const text = nat(OTHERS, ...MESH);
    expect(proofOf(text, request('8888')).beyond).not.toEqual([]);
    const [behind, proof] = where(text, request('8888'));
    expect(behind).toBe(true);
    expect(proof.beyond).toEqual([]);
    expect(isExact(proof)).toBe(true);
  });

  test("… be it one that turns the port to a program of their own on this host: the mesh's proxy tells which rule is the mesh's", () => {
    const theirs = '-A PREROUTING -s 10.3.0.0/16 -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 9999';
    const text = nat(theirs, ...MESH).replaceAll('MESH_', 'ISTIO_');
    const [behind, proof] = where(text, request('8888'));
    expect(behind).toBe(true);
    expect(isExact(proof)).toBe(true);
    expect(words(proof.moved)).toEqual(['in tcp to port 8888, from anywhere but 10.3.0.0/16: proxy 15006 → app own']);
  });

  test('before the mesh, where that has come before it', () => {
    const text = nat(
      ...MESH,
      '-A PREROUTING -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
    );
    const [behind, proof] = where(text, request('8888'));
    expect(behind).toBe(false);
    expect(isExact(proof)).toBe(true);
    expect(words(proof.moved)).toEqual(['in tcp to port 8888: proxy 15006 → app own']);
  });

  // The mesh takes a port from all but one network, and what comes from there is somebody else's.
  const LIST = [
    '-A PREROUTING -p tcp -j MESH_IN',
    '-A PREROUTING -s 10.9.0.0/16 -p tcp -m tcp --dport 8888 -j DNAT --to-destination 172.17.0.2:80',
    '-A MESH_IN -s 10.9.0.0/16 -j RETURN',
    '-A MESH_IN -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 15006',
  ];
  const chosen = (text: string, asked: BypassRequest) => {
    const before = snapshotOf(text);
    const { request: best, proof, why } = placed(before, asked, proxyPortsOf(before));
    return { edit: best.edit === true, exact: isExact(proof), why };
  };

  test("the mesh's own list is left alone, but said to be the way where no other changes only this", () => {
    expect(chosen(nat(...LIST), request('8888'))).toEqual({
      edit: false,
      exact: false,
      why: "Instead: --edit does only this, by changing 1 rule of the mesh's list",
    });
    expect(chosen(nat(...LIST), request('8888', { edit: true }))).toMatchObject({ edit: true, exact: true });
    const plain = nat(LIST[0]!, LIST[3]!);
    expect(chosen(plain, request('8888')).why).toMatch(/^Chosen: 1 rule more, and the mesh's own stay as they are/);
    expect(chosen(plain, request('8888', { edit: true })).why).toMatch(
      /^Chosen: 1 rule of the mesh's own list changes/,
    );
  });

  test('where the list cannot be changed for the ports alone, a rule stands before it', () => {
    // One entry of the list for two ports, which two chains ask.
    const shared = nat('-A PREROUTING -p tcp -j MESH_IN', '-A OUTPUT -p tcp -j MESH_IN', LIST[3]!);
    expect(chosen(shared, request('8888', { edit: true }))).toEqual({
      edit: false,
      exact: true,
      why: expect.stringMatching(
        /^Chosen: a rule before the mesh's own list, which cannot be changed for this alone: /,
      ),
    });
  });

  test('a disarmed REDIRECT is armed again', () => {
    const before = snapshotOf(nat(...LIST));
    const after = afterBypass(before, { request: request('8888', { edit: true }) });
    const back = after.held.map(({ rules }) => unbypassed(rules, { ports: [], now: 0 }));
    expect(back).toEqual(before.held.map(({ rules }) => rules));
  });
});
