import { describe, expect, test } from 'vitest';
import { FAMILIES, type Family, type PortRange } from '../../src/address/index.ts';
import {
  afterBypass,
  type BypassRequest,
  bypassesIn,
  type DialectName,
  dialectOf,
  type Interception,
  idleBypasses,
  leewayOf,
  nativeModel,
  parsePorts,
  planBypass,
  programmed,
  proxyPortsOf,
  unbypassed,
  withoutExpired,
} from '../../src/interception/index.ts';
import { type Backend, emptyRuleSet, type RuleSet, type Snapshot } from '../../src/netfilter/index.ts';
import { parseNft, parseSave, printRule, printSave, restoreScript } from '../../src/text/index.ts';
import { parseQuestion, trace } from '../../src/trace/index.ts';
import { programOf } from './cases.ts';
import { KUMA, LINKERD } from './products.ts';
import { foreignRules, randomInterception, seeded } from './random.ts';

/** 2027-01-15 08:00:00 UTC. */
const NOW = 1_800_000_000;

const asking = (ports: string, more: Partial<BypassRequest> = {}): BypassRequest => ({
  ports: parsePorts([ports]),
  now: NOW,
  ...more,
});

const holding = (...sets: readonly RuleSet[]): Snapshot => ({
  origin: 'a pod',
  held: sets.map((rules) => ({ backend: 'nft', rules })),
});

/** What a dialect lays out for an interception, around rules that are there already. */
const laid = (interception: Interception, before: (family: Family) => RuleSet = emptyRuleSet): Snapshot => {
  const program = dialectOf(interception.dialect).write(interception);
  return holding(...FAMILIES.map((family) => programmed(before(family), program, family)));
};

const pod = (flags: string, dialect: DialectName = 'istio'): Snapshot =>
  laid(programOf(flags.split(' '), dialect).interception);

const podOf = (text: string, family: Family = 'ipv4'): Snapshot => holding(parseSave(text, { family })[0]!);

const POST = pod('-p 15001 -u 1337 -m REDIRECT -i * -b 8080,8888', 'istio-2018');

/** `+ nat PREROUTING 1 RULE`, as a plan's changes. */
const changes = (snapshot: Snapshot, request: BypassRequest): readonly string[] =>
  planBypass(snapshot, request).changes.map(({ action, table, chain, number, family, rule }) => {
    const sign = { insert: '+', remove: '-', replace: '=' }[action];
    return `${sign} ${family} ${table} ${chain} ${number} ${printRule(rule, family)}`;
  });

const saved = (snapshot: Snapshot): string => snapshot.held.map(({ rules }) => printSave(rules)).join('');
const undone = (snapshot: Snapshot, ports: readonly PortRange[] = []): Snapshot => ({
  ...snapshot,
  held: snapshot.held.map((one) => ({ ...one, rules: unbypassed(one.rules, { ports, now: NOW }) })),
});

describe('the rule', () => {
  test("is the post's, with a comment that names its owner", () => {
    expect(changes(POST, asking('8888'))).toEqual([
      '+ ipv4 nat PREROUTING 1 -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
    ]);
    const after = afterBypass(POST, { request: asking('8888') });
    expect(restoreScript(POST.held[0]!.rules, after.held[0]!.rules)).toBe(
      '*nat\n-I PREROUTING 1 -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN\nCOMMIT\n',
    );
  });

  test('stands in mangle where TPROXY catches, in both families where both do', () => {
    expect(changes(pod('-m TPROXY -b * -i * --dual-stack'), asking('8888'))).toEqual([
      '+ ipv4 mangle PREROUTING 1 ! -i lo -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
      '+ ipv6 mangle PREROUTING 1 ! -i lo -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
    ]);
    expect(changes(pod('-m TPROXY -b * -i * --dual-stack'), asking('8888', { families: ['ipv6'] }))).toHaveLength(1);
  });

  test('leaves own calls to a TPROXY, which takes them as they come in again; --self lets them pass, too', () => {
    const specs = (before: Snapshot, ports: string, more: Partial<BypassRequest> = {}): readonly string[] =>
      changes(before, asking(ports, more)).map((line) =>
        line.replace(/ -m (?:tcp|multiport)| -m comment --comment "sidestep bypass" -j RETURN/g, ''),
      );
    const before = pod('-m TPROXY -b * -i *');
    const own = '-o lo -p tcp -m addrtype --dst-type LOCAL';
    expect(specs(before, '8888', { self: true })).toEqual([
      '+ ipv4 mangle PREROUTING 1 -p tcp --dport 8888',
      `+ ipv4 nat OUTPUT 1 ${own} --dport 8888`,
    ]);
    const once = afterBypass(before, { request: asking('8888-8890') });
    expect(specs(once, '8888-8890')).toEqual([]);
    // What is wider takes the place of what is narrower, for the ports that are asked for.
    expect(specs(once, '8889', { self: true })).toEqual([
      '= ipv4 mangle PREROUTING 1 -p tcp --dport 8889',
      '+ ipv4 mangle PREROUTING 2 ! -i lo -p tcp --dports 8888,8890',
      `+ ipv4 nat OUTPUT 1 ${own} --dport 8889`,
    ]);
    const both = afterBypass(once, { request: asking('8889', { self: true }) });
    for (const self of [true, false]) expect(specs(both, '8889', { self })).toEqual([]);
    expect(saved(undone(both))).toBe(saved(before));
    // Apart from each other, both stand.
    expect(specs(once, '8889', { self: true, narrow: true })).toEqual([
      '+ ipv4 mangle PREROUTING 1 -i lo -p tcp -m addrtype --dst-type LOCAL --dport 8889',
      `+ ipv4 nat OUTPUT 1 ${own} --dport 8889`,
    ]);
  });

  test('an entry of a list that catches own calls as well is turned with --self alone', () => {
    const listed = pod('-m TPROXY -b 8080,8888 -i *');
    const signs = (more: Partial<BypassRequest>) =>
      changes(listed, asking('8888', { edit: true, ...more })).map((line) => line.slice(0, 30));
    expect(signs({})).toEqual(['+ ipv4 mangle ISTIO_INBOUND 6 ']);
    expect(signs({ self: true })).toEqual([
      '= ipv4 mangle ISTIO_INBOUND 6 ',
      '= ipv4 mangle ISTIO_INBOUND 7 ',
      '+ ipv4 nat OUTPUT 1 -o lo -p t',
    ]);
  });

  test('stands in both tables where both catch', () => {
    const text =
      '*mangle\n-A PREROUTING -p tcp -j TPROXY --on-port 1\nCOMMIT\n*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 2\nCOMMIT\n';
    expect(changes(podOf(text), asking('8888')).map((line) => line.split(' ')[2])).toEqual(['mangle', 'nat']);
  });

  test("has nothing to do for the port that the proxy's rules turn to itself", () => {
    const all = pod('-b * -i *');
    expect(changes(all, asking('15006', { self: true }))).toEqual([]);
    expect(planBypass(all, asking('15006')).unneeded.map(({ because }) => because)).toContain(
      'the proxy itself listens there',
    );
  });

  test('takes ranges, and several ports with as few rules as may be', () => {
    const all = pod('-b * -i *');
    const specs = (ports: string): readonly string[] =>
      changes(all, asking(ports)).map((line) => /--dports? \S+/.exec(line)![0]);
    expect(specs('9000-9010')).toEqual(['--dport 9000:9010']);
    expect(specs('80,81,82')).toEqual(['--dport 80:82']);
    expect(specs('8888,80,9000:9010')).toEqual(['--dports 80,8888,9000:9010']);
    const many = Array.from({ length: 16 }, (_, index) => 100 + 2 * index);
    expect(specs(many.join())).toEqual([`--dports ${many.slice(0, 15).join()}`, '--dport 130']);
    expect(specs('1-10,20-30,40-50,60-70,80-90,100-110,120-130,140-150,160')).toEqual([
      '--dports 1:10,20:30,40:50,60:70,80:90,100:110,120:130',
      '--dports 140:150,160',
    ]);
  });

  test('goes behind the rules of virtual interfaces, whose traffic is outbound', () => {
    const plan = planBypass(pod('-b * -i * -k net1'), asking('8888'));
    expect(plan.changes.map(({ number }) => number)).toEqual([3]);
    expect(plan.notCovered.map(({ about }) => about)).toContain('virtual interfaces');
  });

  test('is laid for Linkerd and Kuma as well', () => {
    for (const text of [LINKERD, KUMA]) {
      expect(changes(podOf(text), asking('8888'))).toEqual([
        '+ ipv4 nat PREROUTING 1 -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
      ]);
    }
  });
});

describe('where rules are too many to be told apart in boxes', () => {
  const MESH = '-A PREROUTING -p tcp -j MESH\n-A MESH -p tcp -j REDIRECT --to-ports 15006\n';
  const crossing = (chain: string, what: string): string =>
    Array.from(
      { length: 60 },
      (_, n) =>
        `-A ${chain} -s ${n}.0.0.0/${1 + (n % 7)} -p tcp -m tcp --sport ${n}:${9000 - n} --dport ${n}:${9000 - n} -j ${what}\n`,
    ).join('');
  const ours = '-p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN';

  test('of a firewall, which turns nothing: what the mesh takes is known all the same', () => {
    const before = podOf(
      `*filter\n${crossing('INPUT', 'DROP')}COMMIT\n*nat\n:MESH - [0:0]\n-A PREROUTING -p tcp -m tcp --dport 22 -j RETURN\n${MESH}COMMIT\n`,
    );
    expect(changes(before, asking('8888'))).toEqual([`+ ipv4 nat PREROUTING 1 ${ours}`]);
    expect(planBypass(before, asking('22')).already[0]?.because).toMatch(/^nat PREROUTING 1 lets it pass/);
  });

  test('of nat: a port counts as taken until a bypass of ours stands at the top', () => {
    const before = podOf(`*nat\n:MESH - [0:0]\n${crossing('PREROUTING', 'RETURN')}${MESH}COMMIT\n`);
    expect(changes(before, asking('8888'))).toEqual([`+ ipv4 nat PREROUTING 1 ${ours}`]);
    const once = afterBypass(before, { request: asking('8888') });
    expect(changes(once, asking('8888'))).toEqual([]);
    expect(planBypass(once, asking('8888')).already[0]?.because).toBe("nat PREROUTING 1 is a bypass of Sidestep's");
    expect(saved(undone(once))).toBe(saved(before));
  });
});

describe('with --edit', () => {
  const edit = { edit: true } as const;

  test('an entry of a list is turned in its place, and what it was stays in its comment', () => {
    expect(changes(POST, asking('8888', edit))).toEqual([
      '= ipv4 nat ISTIO_INBOUND 2 -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass, was -j ISTIO_IN_REDIRECT" -j RETURN',
    ]);
    expect(saved(undone(afterBypass(POST, { request: asking('8888', edit) })))).toBe(saved(POST));
  });

  test('where all ports are caught, the port is excluded as the mesh would', () => {
    const before = pod('-b * -i * -d 15020');
    expect(changes(before, asking('8888', edit))).toEqual([
      '+ ipv4 nat ISTIO_INBOUND 3 -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
    ]);
  });

  test('a part of a listed range is excluded before it', () => {
    expect(changes(pod('-b 8000:8999 -i *'), asking('8888', edit))).toEqual([
      '+ ipv4 nat ISTIO_INBOUND 2 -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
    ]);
  });

  test('with an end, nothing is turned: the kernel ends a rule, it does not bring one back', () => {
    expect(changes(POST, asking('8888', { ...edit, until: NOW + 60 }))).toEqual([
      '+ ipv4 nat ISTIO_INBOUND 2 -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -m time --datestop 2027-01-15T08:01:00 -j RETURN',
    ]);
  });

  test('works in the lists of Linkerd and Kuma', () => {
    expect(changes(podOf(LINKERD), asking('8888', edit))[0]).toMatch(/^\+ ipv4 nat PROXY_INIT_REDIRECT 2 /);
    expect(changes(podOf(KUMA), asking('8888', edit))[0]).toMatch(/^\+ ipv4 nat KUMA_MESH_INBOUND 2 /);
  });

  test('a comment that only looks like ours brings nothing back that is not there', () => {
    for (const was of ['-j NOWHERE', '-j', '', 'x "y', '-j DROP; reboot']) {
      const rule = `-p tcp --dport 1 -m comment --comment "sidestep bypass, was ${was.replaceAll('"', '\\"')}" -j RETURN`;
      const snapshot = podOf(`*nat\n:X - [0:0]\n-A X ${rule}\nCOMMIT\n`);
      expect(saved(undone(snapshot))).toBe(saved(snapshot));
    }
  });
});

describe('a second run', () => {
  test.for([
    ['added', {}],
    ['edited', { edit: true }],
    ['with own calls', { self: true }],
    ['with an end', { until: NOW + 60 }],
  ] as const)('changes nothing: %s', ([, more]) => {
    const request = asking('8888,9000-9010', more);
    for (const before of [POST, pod('-m TPROXY -b * -i * --dual-stack'), podOf(LINKERD)]) {
      const once = afterBypass(before, { request });
      expect(saved(once)).not.toBe(saved(before));
      expect(planBypass(once, request).changes).toEqual([]);
      expect(saved(undone(once))).toBe(saved(before));
    }
  });

  test('of a span that is asked for anew changes nothing within its leeway, and moves the end after it', () => {
    const span = (now: number): Partial<BypassRequest> => ({ now, until: now + 600, leeway: leewayOf(600) });
    const once = afterBypass(POST, { request: asking('8888', span(NOW)) });
    expect(changes(once, asking('8888', span(NOW + 60)))).toEqual([]);
    expect(changes(once, asking('8888', span(NOW + 61)))).toEqual([
      expect.stringMatching(/^= ipv4 nat PREROUTING 1 .* --datestop 2027-01-15T08:11:01 -j RETURN$/),
    ]);
    // An end that is later than what is asked for is another one.
    expect(changes(once, asking('8888', span(NOW - 1)))).toHaveLength(1);
    // Of a few seconds none is to spare.
    expect([1, 9, 10, 60, 600, 86_400].map(leewayOf)).toEqual([0, 0, 1, 6, 60, 60]);
  });

  test('with another end takes the place of the first', () => {
    const once = afterBypass(POST, { request: asking('8888', { until: NOW + 60 }) });
    expect(changes(once, asking('8888', { until: NOW + 600 }))).toEqual([
      expect.stringMatching(/^= ipv4 nat PREROUTING 1 .* --datestop 2027-01-15T08:10:00 -j RETURN$/),
    ]);
    expect(changes(once, asking('8888'))).toEqual([
      expect.stringMatching(/^= ipv4 nat PREROUTING 1 .*bypass" -j RETURN$/),
    ]);
  });

  test('with another end for some of the ports leaves the others as they are', () => {
    const once = afterBypass(pod('-b * -i *'), { request: asking('80,443,8888') });
    const twice = afterBypass(once, { request: asking('443', { until: NOW + 60 }) });
    expect(bypassesIn(twice, NOW).map(({ ports, until }) => ({ ports, until }))).toEqual([
      { ports: [[443, 443]], until: NOW + 60 },
      {
        ports: [
          [80, 80],
          [8888, 8888],
        ],
        until: undefined,
      },
    ]);
  });

  describe('where somebody has come before it', () => {
    const late = (rules: string): Snapshot =>
      podOf(`*nat\n:MESH - [0:0]\n${rules}-A MESH -p tcp -j REDIRECT --to-ports 15006\nCOMMIT\n`);
    const ours = (ports: string): string =>
      `-A PREROUTING -p tcp -m ${ports} -m comment --comment "sidestep bypass" -j RETURN\n`;
    const JUMP = '-A PREROUTING -p tcp -j MESH\n';
    const prerouting = (snapshot: Snapshot): readonly string[] =>
      snapshot.held[0]!.rules.tables[0]!.chains[0]!.rules.map((rule) => printRule(rule, 'ipv4'));

    test('moves the rule to the top again', () => {
      const moved = afterBypass(late(JUMP + ours('tcp --dport 8888')), { request: asking('8888') });
      expect(prerouting(moved)).toEqual([
        '-p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
        '-p tcp -j MESH',
      ]);
      expect(planBypass(moved, asking('8888')).changes).toEqual([]);
    });

    test('moves only the ports that it is asked for, and leaves a rule that works', () => {
      const before = late(ours('tcp --dport 22') + JUMP + ours('multiport --dports 80,8888'));
      const moved = afterBypass(before, { request: asking('22,8888') });
      expect(prerouting(moved)).toEqual([
        '-p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN',
        '-p tcp -m tcp --dport 22 -m comment --comment "sidestep bypass" -j RETURN',
        '-p tcp -j MESH',
        '-p tcp -m tcp --dport 80 -m comment --comment "sidestep bypass" -j RETURN',
      ]);
      expect(planBypass(moved, asking('22,8888')).changes).toEqual([]);
    });
  });

  test('changes nothing where a port taken out of the list is caught by another rule, too', () => {
    const before = podOf(
      '*nat\n:MESH - [0:0]\n-A PREROUTING -p tcp -j MESH\n-A PREROUTING -s 10.0.0.0/8 -p tcp -j REDIRECT --to-ports 15006\n' +
        '-A MESH -p tcp -m multiport --dports 8080,8888 -j REDIRECT --to-ports 15006\nCOMMIT\n',
    );
    const request = asking('8888', { edit: true });
    const once = afterBypass(before, { request });
    expect(planBypass(before, request).changes).toHaveLength(1);
    expect(planBypass(once, request).changes).toEqual([]);
    expect(saved(undone(once))).toBe(saved(before));
  });

  test('after the end has come lays the rule anew', () => {
    const once = afterBypass(POST, { request: asking('8888', { until: NOW + 60 }) });
    expect(changes(once, asking('8888', { now: NOW + 60, until: NOW + 90 }))).toHaveLength(1);
    expect(planBypass(once, asking('8888', { now: NOW + 61 })).already).toEqual([]);
    expect(changes(once, asking('8888', { now: NOW + 61 }))).toEqual([
      expect.stringMatching(/^= ipv4 nat PREROUTING 1 /),
    ]);
  });
});

describe('a bypass that lets nothing pass is known', () => {
  const idle = (snapshot: Snapshot, now = NOW): readonly string[] =>
    idleBypasses(snapshot, now).map(({ family, table, chain, number }) => `${family} ${table} ${chain} ${number}`);
  const rule = (more = '') =>
    `-A PREROUTING -p tcp --dport 8888 -m comment --comment "sidestep bypass" ${more}-j RETURN\n`;
  const redirect = '-A PREROUTING -p tcp -j REDIRECT --to-ports 1\n';

  test('in nat, where TPROXY catches in mangle; until it is REDIRECT again', () => {
    const { interception } = programOf('-b * -i *'.split(' '), 'istio');
    const ipv4 = (mode: 'REDIRECT' | 'TPROXY', before: Snapshot = holding(emptyRuleSet('ipv4'))): Snapshot =>
      laid({ ...interception, mode }, (family) => (family === 'ipv4' ? before.held[0]!.rules : emptyRuleSet(family)));
    const once = afterBypass(ipv4('REDIRECT'), { request: asking('8888', { self: true }) });
    expect(idle(once)).toEqual([]);
    const other = ipv4('TPROXY', { ...once, held: once.held.slice(0, 1) });
    expect(idle(other)).toContain('ipv4 nat PREROUTING 1');
    const plan = planBypass(other, asking('8888'));
    expect(plan.changes.map(({ table }) => table)).toEqual(['mangle']);
    expect(plan.idle.map(({ table }) => table)).toContain('nat');
  });

  test('none is, that needs another of the same bypass', () => {
    for (const mode of ['REDIRECT', 'TPROXY'])
      expect(idle(afterBypass(pod(`-m ${mode} -b * -i *`), { request: asking('8888', { self: true }) }))).toEqual([]);
  });

  test("none in a native table of Istio's, which is not among the rules of iptables", () => {
    const { native = [] } = programOf('-b * -i *'.split(' '), 'istio-nft');
    const before: Snapshot = { origin: 'a pod', held: [], native: nativeModel(native) };
    const once = afterBypass(before, { request: asking('8888') });
    expect(bypassesIn(once, NOW).length).toBeGreaterThan(0);
    expect(idle(once)).toEqual([]);
  });

  test('none of two that do the same', () => {
    expect(idle(podOf(`*nat\n${rule()}${rule()}${redirect}COMMIT\n`))).toEqual([]);
  });

  test('before the mesh has come; behind what catches; not once it is over', () => {
    expect(idle(podOf(`*nat\n${rule()}COMMIT\n`))).toEqual(['ipv4 nat PREROUTING 1']);
    expect(idle(podOf(`*nat\n${redirect}${rule()}COMMIT\n`))).toEqual(['ipv4 nat PREROUTING 2']);
    const ended = rule('-m time --datestop 2020-01-01T00:00:00 ');
    expect(idle(podOf(`*nat\n${ended}${redirect}COMMIT\n`))).toEqual([]);
  });

  test('an entry of a list that was turned counts as it was', () => {
    expect(idle(afterBypass(POST, { request: asking('8888', { edit: true }) }))).toEqual([]);
  });
});

describe('undoing', () => {
  test('takes back the ports that are named, and leaves the rest', () => {
    const before = pod('-b * -i *');
    const once = afterBypass(before, { request: asking('80,443,9000-9010') });
    expect(bypassesIn(undone(once, [[9003, 9005]]))[0]?.ports).toEqual([
      [80, 80],
      [443, 443],
      [9000, 9002],
      [9006, 9010],
    ]);
    expect(saved(undone(undone(once, [[80, 443]]), [[9000, 9010]]))).toBe(saved(before));
  });

  test("leaves others' rules, equal ones too", () => {
    const byHand = podOf(
      '*nat\n-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN\n-A PREROUTING -p tcp -j REDIRECT --to-ports 1\nCOMMIT\n',
    );
    const once = afterBypass(byHand, { request: asking('9999') });
    expect(saved(undone(once))).toBe(saved(byHand));
    expect(saved(undone(byHand))).toBe(saved(byHand));
  });

  test('of those that have ended', () => {
    const once = afterBypass(POST, { request: asking('8888', { until: NOW + 60 }) });
    const twice = afterBypass(once, { request: asking('8080') });
    const at = (now: number): string =>
      saved({ ...twice, held: twice.held.map((one) => ({ ...one, rules: withoutExpired(one.rules, now) })) });
    expect(at(NOW + 60)).toBe(saved(twice));
    expect(at(NOW + 61)).toBe(saved(afterBypass(POST, { request: asking('8080') })));
  });
});

describe('where nothing has to be done, the plan says why', () => {
  const why = (snapshot: Snapshot, request: BypassRequest): readonly string[] => {
    const { already, unneeded, changes: planned } = planBypass(snapshot, request);
    expect(planned).toEqual([]);
    return [...already, ...unneeded].map(({ kind, family, because }) => `${kind}, ${family}: ${because}`);
  };

  test('not in the list', () => {
    expect(why(POST, asking('9999'))[0]).toBe('unneeded, ipv4: only :8080 :8888 are intercepted');
  });

  test('the mesh excludes it', () => {
    expect(why(pod('-b * -i * -d 15020'), asking('15020'))[0]).toBe(
      'unneeded, ipv4: the mesh leaves it out: nat ISTIO_INBOUND 2 is -p tcp -m tcp --dport 15020 -j RETURN',
    );
  });

  test('a rule made by hand lets it pass', () => {
    const text =
      '*nat\n-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN\n-A PREROUTING -p tcp -j REDIRECT --to-ports 1\nCOMMIT\n';
    expect(why(podOf(text), asking('8888'))).toEqual([
      'already, ipv4: nat PREROUTING 1 lets it pass: -p tcp -m tcp --dport 8888 -j RETURN',
    ]);
  });

  test('but not one that comes too late', () => {
    const text =
      '*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 1\n-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN\nCOMMIT\n';
    expect(changes(podOf(text), asking('8888'))).toHaveLength(1);
  });

  test('a bypass of Sidestep’s, with its end', () => {
    const request = asking('8888', { until: NOW + 60 });
    expect(why(afterBypass(POST, { request }), request)[0]).toBe(
      "already, ipv4: nat PREROUTING 1 is a bypass of Sidestep's, until 2027-01-15 08:01:00 UTC",
    );
  });

  test('the family intercepts nothing, or lets nothing in', () => {
    expect(planBypass(pod('-b * -i *'), asking('8888')).unneeded).toEqual([
      { kind: 'unneeded', family: 'ipv6', ports: [[8888, 8888]], because: 'no inbound tcp is intercepted' },
    ]);
    expect(planBypass(POST, asking('8888')).unneeded.map(({ because }) => because)).toEqual([
      'the rules let nothing in on it',
    ]);
  });

  test('no rule of iptables intercepts, but a native table of others may', () => {
    const native = parseNft(
      'table ip mesh { chain pre { type nat hook prerouting priority -100; tcp dport != 22 redirect to :15006; } }',
    );
    const snapshot: Snapshot = { ...podOf('*nat\nCOMMIT\n'), native };
    const { unneeded, notCovered } = planBypass(snapshot, asking('8888'));
    expect(unneeded.map(({ because }) => because)).toEqual([
      'no rule of iptables intercepts inbound tcp, but table ip mesh of nftables may intercept (pre 1)',
    ]);
    expect(notCovered.find(({ about }) => about === 'native tables')?.message).toContain(
      'nft insert rule ip mesh pre tcp dport { 8888 } return',
    );
  });

  test('nothing is intercepted at all', () => {
    expect(why(holding(emptyRuleSet('ipv4')), asking('8888'))).toEqual([
      'unneeded, ipv4: no inbound tcp is intercepted',
    ]);
  });
});

describe('what is not covered is said, where it applies', () => {
  const about = (snapshot: Snapshot, request: BypassRequest): readonly string[] =>
    planBypass(snapshot, request).notCovered.map((notice) => notice.about);

  test('open connections and mutual TLS', () => {
    expect(about(POST, asking('8888', { self: true }))).toEqual(['open connections', 'mutual TLS']);
    expect(about(POST, asking('9999'))).toEqual(['own calls']);
  });

  test("the pod's own calls, unless --self", () => {
    expect(about(POST, asking('8888'))).toContain('own calls');
    expect(about(POST, asking('8888'))).not.toContain('proxy ports');
    const lo = { name: 'lo', index: 1, up: true, addresses: [] };
    const alone = { ...POST, interfaces: [lo] };
    expect(about(alone, asking('8888'))).toContain('no interface');
    expect(about({ ...POST, interfaces: [lo, { ...lo, name: 'eth0', index: 2 }] }, asking('8888'))).not.toContain(
      'no interface',
    );
    // The proxy's own port: who asks for it gets the proxy.
    expect(about(POST, asking('15001'))).toContain('proxy ports');
    expect(about(POST, asking('15000-15010'))).toContain('proxy ports');
    expect(about(podOf(LINKERD), asking('8888'))).not.toContain('own calls');
  });

  test('a family that was left out, or not read', () => {
    const dual = pod('-b * -i * --dual-stack');
    expect(about(dual, asking('8888', { families: ['ipv4'], self: true }))).toContain('other families');
    expect(about(pod('-b * -i *'), asking('8888', { families: ['ipv4'] }))).not.toContain('other families');
    expect(about(podOf(LINKERD), asking('8888'))).toContain('other families');
  });

  test("others' rules that the packets no longer meet", () => {
    const program = programOf(['-b', '*', '-i', '*'], 'istio');
    const before = (rules: string): Snapshot =>
      holding(programmed(parseSave(rules, { family: 'ipv4' })[0]!, program, 'ipv4'));
    const notices = (rules: string): readonly string[] =>
      planBypass(before(rules), asking('8888')).notCovered.flatMap((one) =>
        one.about === 'other software' ? [one.message] : [],
      );
    expect(notices('*nat\n:SERVICES - [0:0]\n-A PREROUTING -j SERVICES\nCOMMIT\n')).toEqual([
      'RETURN ends the chain: these packets no longer meet nat PREROUTING 1 (-j SERVICES).',
    ]);
    expect(notices('*nat\n-A PREROUTING -p udp -j REDIRECT --to-ports 1\nCOMMIT\n')).toEqual([]);
    expect(notices('*nat\n-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 1\nCOMMIT\n')).toEqual([]);
  });

  test('the end, and the mesh’s next run', () => {
    expect(about(POST, asking('8888', { until: NOW + 60, edit: true, self: true }))).toEqual([
      'open connections',
      'expiry',
      "the mesh's next run",
      'mutual TLS',
    ]);
  });
});

describe('ahead of the mesh', () => {
  const address = (family: Family) =>
    ({ family, value: family === 'ipv4' ? 1 : 1n, length: 24, secondary: false, scope: 'global' }) as const;
  const fresh = (families: readonly Family[], backend: Backend = 'nft'): Snapshot => ({
    origin: 'a pod that has just begun',
    held: FAMILIES.map((family) => ({ backend, rules: emptyRuleSet(family) })),
    interfaces: [{ name: 'eth0', index: 2, up: true, addresses: families.map(address) }],
  });
  const ahead = asking('8888', { ahead: 'REDIRECT' });

  test('without it nothing is done where nothing is intercepted', () => {
    expect(changes(fresh(FAMILIES), asking('8888'))).toEqual([]);
  });

  test('the rule is laid in the families by which the pod can be reached', () => {
    const rule = '-p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN';
    expect(changes(fresh(['ipv4']), ahead)).toEqual([`+ ipv4 nat PREROUTING 1 ${rule}`]);
    expect(changes(fresh(FAMILIES), ahead)).toHaveLength(2);
    expect(changes(fresh(FAMILIES), { ...ahead, ahead: 'TPROXY' })[0]).toBe(
      `+ ipv4 mangle PREROUTING 1 ! -i lo ${rule}`,
    );
    expect(changes(fresh(['ipv4']), { ...ahead, ahead: 'TPROXY', self: true })).toEqual([
      `+ ipv4 mangle PREROUTING 1 ${rule}`,
      `+ ipv4 nat OUTPUT 1 -o lo ${rule.replace('-m tcp', '-m addrtype --dst-type LOCAL -m tcp')}`,
    ]);
  });

  test('once its end has come there is nothing to do: a pod that starts later must start', () => {
    const late = { ...ahead, until: NOW };
    expect(changes(fresh(FAMILIES), late)).toEqual([]);
    expect(changes(POST, late)).toEqual([]);
    expect(() => planBypass(POST, asking('8888', { until: NOW }))).toThrow(/still to come/);
  });

  test('in one back end only, the one that takes new rules', () => {
    const both: Snapshot = {
      ...fresh(['ipv4']),
      held: (['nft', 'legacy'] as const).map((backend) => ({ backend, rules: emptyRuleSet('ipv4') })),
    };
    for (const backend of ['nft', 'legacy'] as const)
      expect(planBypass(both, ahead, backend).changes.map((change) => change.backend)).toEqual([backend]);
  });

  test('then comes the mesh, and the port is direct; a restart changes nothing', () => {
    const laidAhead = afterBypass(fresh(['ipv4']), { request: ahead });
    expect(afterBypass(laidAhead, { request: ahead }).held.map(({ rules }) => printSave(rules))).toEqual(
      laidAhead.held.map(({ rules }) => printSave(rules)),
    );
    const { interception } = programOf(['-b', '*', '-i', '*'], 'istio');
    const meshed = laid(interception, (family) => laidAhead.held.find(({ rules }) => rules.family === family)!.rules);
    expect(trace(meshed, parseQuestion('in tcp/8888', meshed), proxyPortsOf(meshed)).outcome.kind).toBe('app');
    expect(planBypass(meshed, ahead).changes).toEqual([]);
  });
});

describe('a request that cannot be carried out is refused whole', () => {
  test.for([
    ['8888', [[8888, 8888]]],
    ['9000-9010', [[9000, 9010]]],
    ['9000:9010', [[9000, 9010]]],
    [
      '443, 80,81',
      [
        [80, 81],
        [443, 443],
      ],
    ],
  ] as const)('ports as people type them: %s', ([word, ranges]) => {
    expect(parsePorts([word])).toEqual(ranges);
  });

  test.for([
    ['0', 'Nobody listens on port 0'],
    ['70000', 'The highest port is 65535'],
    ['9010-9000', '9000-9010'],
    ['http', 'give the number'],
    [':8888', 'The number alone is enough: 8888.'],
    ['8888/tcp', 'The number alone is enough: 8888.'],
    ['udp/53', 'A bypass is for tcp'],
    ['53/udp', 'A bypass is for tcp'],
    ['rules.txt', '--from FILE'],
    ['80,,81', 'a comma too many'],
    ['80-', 'a port from 1 to 65535'],
    ['\u001b[31m80', '\\x1b[31m80'],
  ] as const)('%j is no port', ([word, said]) => {
    expect(() => parsePorts([word])).toThrow(
      expect.objectContaining({ name: 'RequestRefused', message: expect.stringContaining(said) }),
    );
  });

  test('all words that are none are named in one go', () => {
    expect(() => parsePorts(['80', 'x', '99999'])).toThrow(/x.*\n.*99999/);
  });

  test('no ports, an end that is over, an end beyond what the tools can name', () => {
    expect(() => planBypass(POST, { ports: [], now: NOW })).toThrow(/ports/);
    expect(() => planBypass(POST, asking('8888', { until: NOW }))).toThrow(/It is 2027-01-15 08:00:00 UTC now/);
    expect(() => planBypass(POST, asking('8888', { until: 2 ** 32 }))).toThrow(/2038-01-19/);
  });
});

describe('of all packets exactly the ports change: random interceptions, followed packet by packet', () => {
  const random = seeded(8888);
  const cases = Array.from({ length: 80 }, (_, index) => [index, randomInterception(random)] as const);
  const QUESTIONS: Readonly<Record<Family, readonly string[]>> = {
    ipv4: [
      ...[22, 79, 80, 8080, 8887, 8888, 8889, 9000, 9010, 9011, 15008, 15020].map(
        (port) => `in tcp 10.7.0.9:40000 > 10.0.0.5:${port} on eth0`,
      ),
      'in tcp 10.7.0.9:40000 > 10.0.0.5:8888 on vnet0',
      'in udp 10.7.0.9:40000 > 10.0.0.5:8888 on eth0',
      'out tcp > 10.7.0.9:8888 uid 1000',
      'out tcp > 10.7.0.9:8888 uid 1337',
      'out tcp > 10.7.0.9:53 uid 1000',
    ],
    ipv6: [
      ...[22, 80, 8887, 8888, 9000, 9011].map((port) => `in tcp [2001:db8::9]:40000 > [2001:db8::5]:${port} on eth0`),
      'out tcp > [2001:db8::9]:8888 uid 1000',
    ],
  };
  const asked = [
    [8888, 8888],
    [9000, 9010],
  ] as const;

  const own = (family: Family, value: number | bigint, length: number) =>
    ({ family, value, length, secondary: false, scope: 'global' }) as const;
  const interfaces: Snapshot['interfaces'] = [
    { name: 'lo', index: 1, up: true, addresses: [own('ipv4', 0x7f00_0001, 8), own('ipv6', 1n, 128)] },
    {
      name: 'eth0',
      index: 2,
      up: true,
      addresses: [own('ipv4', 0x0a00_0005, 24), own('ipv6', (0x2001_0db8n << 96n) | 5n, 64)],
    },
    { name: 'vnet0', index: 3, up: true, addresses: [own('ipv4', 0x0a63_0001, 24)] },
  ];

  /** Where a packet ends: the outcome's kind and port. */
  const ending = (snapshot: Snapshot, expression: string, ports: readonly number[]): string => {
    const { outcome } = trace(snapshot, parseQuestion(expression, snapshot), ports);
    return `${outcome.kind}${'port' in outcome ? ` ${outcome.port}` : ''}`;
  };

  test.for(cases)('%i', ([index, interception]) => {
    const around = index % 4 === 0 ? foreignRules : emptyRuleSet;
    const before: Snapshot = { ...laid(interception, around), interfaces };
    const ports = proxyPortsOf(before);
    // Virtual interfaces: the form of 2018 knows none, and in mangle Istio does not tell them apart.
    const { dialect, mode, interfaces: given } = interception;
    const behind = dialect === 'istio' && mode !== 'TPROXY' ? given.virtual : [];
    const request: BypassRequest = { ports: asked, edit: index % 2 === 1, self: index % 3 === 0, now: NOW };
    const after = afterBypass(before, { request });
    expect(planBypass(after, request).changes).toEqual([]);
    for (const family of FAMILIES) {
      for (const question of QUESTIONS[family]) {
        const port = Number(/:(\d+)(?: |$)(?!.*>)/.exec(question)?.[1]);
        const isAsked = question.startsWith('in tcp') && asked.some(([low, high]) => port >= low && port <= high);
        const isVirtual = question.includes('vnet0') && behind.includes('vnet0');
        if (question.includes('vnet0') && mode === 'TPROXY') continue;
        const [was, is] = [ending(before, question, ports), ending(after, question, ports)];
        if (!isAsked || isVirtual) expect([question, is]).toEqual([question, was]);
        else expect([question, is]).toEqual([question, was.startsWith('proxy') ? `app ${port}` : was]);
      }
    }
    // A bypass of others' that was there before is Sidestep's by its comment: the undo names ports, and so takes it too.
    if (around === emptyRuleSet) expect(saved(undone(after))).toBe(saved(before));
  });
});

test('of hundreds of ports that pass already, each one’s reason is told within seconds', { timeout: 10_000 }, () => {
  const ports = Array.from({ length: 400 }, (_, at) => 3 * at + 20_000);
  const request = asking(ports.join(','));
  const before = pod('-b * -i *');
  const after = planBypass(afterBypass(before, { request }), request);
  expect(after.changes).toEqual([]);
  expect(after.already.filter(({ family }) => family === 'ipv4').flatMap((one) => one.ports)).toHaveLength(400);
});
