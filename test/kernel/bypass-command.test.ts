import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as documents from '../../src/explain/schema/index.ts';
import { startAgent } from '../support/agent.ts';
import { openPair, type Pair } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';

const ENVIRONMENT = { COLUMNS: '200', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };

// What the command `bypass` says, against what the kernel of a pod then holds.
let pair: Pair;
const inside = (...args: readonly string[]) =>
  pair.pod.run([process.execPath, SIDESTEP, ...args], { env: ENVIRONMENT });
const saved = (tool: 'iptables-save' | 'ip6tables-save' = 'iptables-save') =>
  pair.pod
    .must([tool])
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]/g, '[0:0]');
const document = (...args: readonly string[]) => {
  const value: unknown = JSON.parse(inside(...args, '-o', 'json').stdout);
  const read = documents.changeDocument.parse(value);
  expect(read).toEqual(value);
  return read;
};
/** The interception of a pod of Istio's. `-u` names the proxy where uid 1337 may not exist. */
const intercept = (...flags: readonly string[]): void => {
  const done = inside('init', '-u', '1337', '-i', '*', '--family', 'ipv4', '--reconcile', ...flags);
  expect(done.stderr).not.toContain('sidestep:');
  expect(done.status).toBe(0);
};
const stops = (): readonly number[] =>
  [...saved().matchAll(/--datestop (\S+)/g)].map(([, time]) => Date.parse(`${time}Z`) / 1000);

describe.runIf(process.getuid?.() === 0)('the command bypass', () => {
  beforeAll(async () => {
    pair = await openPair();
    const agent = startAgent(pair.pod);
    for (const port of [8080, 8888]) await agent.listen({ protocol: 'tcp', address: '0.0.0.0', name: 'app', port });
    for (const port of [15001, 15006])
      await agent.listen({ protocol: 'tcp', address: '0.0.0.0', name: 'proxy', port, transparent: true });
  });
  afterAll(() => pair?.close());
  afterEach(() => {
    inside('clean');
    for (const table of ['nat', 'mangle', 'filter']) {
      pair.pod.must(['iptables', '-t', table, '-F']);
      pair.pod.must(['iptables', '-t', table, '-X']);
    }
  });

  test('--for ends it to the second, and says when; at once again nothing changes, later it ends later', async () => {
    intercept('-b', '*');
    const begin = Math.floor(Date.now() / 1000);
    const first = inside('bypass', '8888', '--apply', '--for', '100s');
    const [stop = 0] = stops();
    expect(stop - begin - 100).toBeGreaterThanOrEqual(0);
    expect(stop - begin - 100).toBeLessThan(20);
    // Past midnight the day is said, too.
    const clock = new Date(stop * 1000).toISOString().slice(11, 19).replace(/:00$/, '');
    expect(first.stdout).toMatch(new RegExp(`until (?:\\S+ )?${clock} UTC, 1 min 40 s left`));
    const held = saved();
    expect(inside('bypass', '8888', '--apply', '--for', '100s').stdout).toContain('Nothing to do');
    expect(saved()).toBe(held);
    expect(inside('bypass', '8888', '--apply', '--for', '30m').status).toBe(0);
    expect(stops()).toHaveLength(1);
    expect((stops()[0] ?? 0) - stop).toBeGreaterThan(1600);
    // A second is a second.
    expect(inside('bypass', '8888', '--apply', '--for', '1s').status).toBe(0);
    await sleep(2100);
    expect(inside('trace', 'in tcp/8888').stdout).toContain('→ PROXY');
    expect(inside('bypass', '8888', '--apply', '--for', '1s').stdout).toMatch(/^nat PREROUTING +- 1/m);
  });

  test('the manifest takes the mode of this namespace', () => {
    const command = () => /command: .*/.exec(inside('bypass', '8888', '--manifest', 'patch').stdout)?.[0];
    expect(command()).toContain('"--ahead", "REDIRECT"');
    expect(inside('bypass', '8888', '--manifest', 'init-container').stdout).toMatch(
      /^# Mode: REDIRECT, the default: nothing is intercepted in /m,
    );
    intercept('-b', '*');
    expect(inside('bypass', '8888', '--self').stdout).toMatch(
      /^For a fleet: sidestep bypass 8888 --self --manifest init-container$/m,
    );
    intercept('-m', 'TPROXY', '-b', '*');
    expect(command()).toContain('"--ahead", "TPROXY"');
    expect(inside('bypass', '8888', '--manifest', 'init-container').stdout).toMatch(/^# Mode: TPROXY, as in /m);
    // What was asked for outright is written.
    expect(inside('bypass', '8888', '--manifest', 'patch', '--ahead', 'REDIRECT').stdout).toContain('"REDIRECT"');
  });

  test('an init container whose end has come does nothing, and the pod starts', () => {
    const late = ['bypass', '8888', '--apply', '--until', '2026-01-01T00:00:00Z'];
    const done = inside(...late, '--ahead', 'REDIRECT');
    expect([done.status, done.stdout]).toEqual([0, 'Nothing to do: the end, 2026-01-01 00:00:00 UTC, has come.\n']);
    expect(saved()).not.toContain('sidestep');
    expect(inside(...late).status).toBe(2);
  });

  test('where the rules cannot be read, the manifest has the default and says so', () => {
    for (const kind of ['init-container', 'annotation']) {
      const words = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, SIDESTEP];
      const done = pair.pod.run([...words, 'bypass', '8888', '--manifest', kind], { env: ENVIRONMENT });
      expect(done.status).toBe(0);
      expect(done.stdout).toMatch(/^# .*the rules here could not be read/m);
      expect(done.stderr).toMatch(/^note: the rules of this network namespace: could not be read/);
    }
  });

  test('once the interception is TPROXY, a bypass in nat is said to have no effect', () => {
    intercept('-b', '*');
    expect(inside('bypass', '8888', '--apply').status).toBe(0);
    expect(inside('list').stdout).not.toContain('without effect');
    intercept('-m', 'TPROXY', '-b', '*');
    expect(saved()).toContain('sidestep bypass');
    expect(inside('trace', 'in tcp/8888').stdout).toContain('→ PROXY');
    const list = inside('list').stdout;
    expect(list).toMatch(/^bypass +tcp :8888 +nat PREROUTING 1, without effect now/m);
    expect(list).toMatch(/↩ RETURN +bypass, without effect now: nothing in nat catches it/);
    const plan = inside('bypass', '8888').stdout;
    expect(plan).toMatch(/^mangle PREROUTING +\+ 1 /m);
    expect(plan).toMatch(
      /without effect: nat PREROUTING 1, a bypass of :8888 in IPv4, stands where nothing catches it/,
    );
    expect(inside('bypass', '8888', '--apply').stdout).toContain('without effect: nat PREROUTING 1');
    expect(inside('trace', 'in tcp/8888').stdout).toContain('→ APP');
    // Back to REDIRECT it is the other way round.
    intercept('-m', 'REDIRECT', '-b', '*');
    expect(inside('list').stdout).toMatch(/^bypass +tcp :8888 +mangle PREROUTING 1, without effect now/m);
  });

  test('--apply and --undo say what they do not cover, and which of the ports need nothing', () => {
    intercept('--dialect', 'istio-2018', '-b', '8080,8888');
    const done = inside('bypass', '8888', '9999', '--apply').stdout;
    expect(done).toMatch(/^ +IPv4 :9999: only :8080 :8888 are intercepted$/m);
    expect(done).toMatch(/^Not covered:\n(?: .*\n)* +open connections +Connections to :8888 :9999 that are open/m);
    expect(done).toMatch(/^ +mutual TLS /m);
    expect(done).toMatch(/^ +own calls /m);
    const undone = inside('bypass', '8888', '--undo').stdout;
    expect(undone).toContain('Connections to :8888 that are open now stay with the app until they close.');
    const applied = document('bypass', '8888', '9999', '--apply', '--for', '30m');
    expect(applied).toMatchObject({
      changed: true,
      ports: [
        [8888, 8888],
        [9999, 9999],
      ],
      until: expect.stringMatching(/^\d{4}-/),
    });
    expect(applied.unchanged?.map(({ family, ports }) => [family, ports])).toContainEqual(['ipv4', [[9999, 9999]]]);
    expect(applied.notCovered?.map(({ about }) => about)).toEqual(
      expect.arrayContaining(['open connections', 'expiry', 'own calls', 'mutual TLS']),
    );
    const back = document('bypass', '--undo');
    expect(back).toMatchObject({ changed: true, ports: [[8888, 8888]] });
    expect(back.notCovered?.map(({ about }) => about)).toEqual(['open connections']);
    expect(document('bypass', '--undo')).toMatchObject({ changed: false, ports: [], notCovered: [] });
  });

  test.for(['REDIRECT', 'TPROXY'])('--self with %s: the calls that are caught are those that are followed', (mode) => {
    intercept('-m', mode, '-b', '*');
    const { stdout } = inside('bypass', '8888', '--self');
    expect(stdout).toMatch(/own calls IPv4 +tcp to port 8888[^✓]* by uid 1337[^✓]* the proxy on :15006 → the app/);
    expect(stdout).not.toContain('self tcp/8888  ');
  });

  test('--ahead and --self are said to have no effect where they have none', () => {
    pair.pod.must(['iptables', '-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '-j', 'REDIRECT', '--to-ports', '15001']);
    const { stderr, stdout } = inside('bypass', '8888', '--ahead', 'TPROXY', '--self');
    expect(stderr).toMatch(/^note: --ahead: has no effect/m);
    expect(stderr).toMatch(/^note: --self: has no effect/m);
    expect(stdout).toMatch(/^nat PREROUTING +\+ 1 /m);
  });

  test('a port that another rule would send on to another one passes by a rule before the list', () => {
    intercept('-b', '*');
    const redirect = ['-p', 'tcp', '--dport', '8888', '-j', 'REDIRECT', '--to-ports', '9999'];
    pair.pod.must(['iptables', '-t', 'nat', '-A', 'PREROUTING', ...redirect]);
    const done = inside('bypass', '8888', '--edit', '--apply');
    expect(done.stdout).toMatch(
      /^nat PREROUTING {2}\+ 1 .*\n[\s\S]*Chosen: a rule before the mesh's own list, which cannot/,
    );
    expect(done.stdout).toMatch(/✓ Seen in the kernel: [\s\S]*:8888 +proxy :15006 → app :8888\n/);
    expect(done.status).toBe(0);
  });

  test('what would change anything else is refused, and the plan says that it will be', () => {
    intercept('-b', '*');
    const theirs = ['-s', '192.0.2.0/24', '-p', 'tcp', '--dport', '8888', '-j', 'DNAT', '--to', '10.99.0.1'];
    // In the mesh's own chain: a rule in PREROUTING comes before it wherever it stands.
    pair.pod.must(['iptables', '-t', 'nat', '-I', 'ISTIO_INBOUND', ...theirs]);
    const before = saved();
    for (const [flags, says] of [
      [[], 'and --apply refuses to: a bypass changes nothing else'],
      [['--apply'], 'Nothing has been changed: a bypass changes nothing else'],
    ] as const) {
      const { status, stdout } = inside('bypass', '8888', ...flags);
      expect(stdout).toMatch(/✗ These would change, too:\n.* from 192\.0\.2\.0\/24 .* → the app\n/);
      expect(stdout).toContain(says);
      expect(status).toBe(1);
    }
    expect(saved()).toBe(before);
  });

  test("clean says of a rule in somebody's own chain that the chain is not the mesh's", () => {
    intercept('--dialect', 'istio-2018', '-b', '8080,8888,9001,9002');
    pair.pod.must(['iptables', '-t', 'nat', '-N', 'FOO']);
    pair.pod.must(['iptables', '-t', 'nat', '-A', 'FOO', '-s', '10.1.0.0/16', '-j', 'RETURN']);
    pair.pod.must(['iptables', '-t', 'nat', '-A', 'FOO', '-p', 'tcp', '-j', 'ISTIO_REDIRECT']);
    const planned = document('clean', '--dry-run');
    expect(planned.rules.filter(({ because }) => because)).toMatchObject([
      { chain: 'FOO', because: "FOO is not the mesh's, but ISTIO_REDIRECT is, and is gone" },
    ]);
    const { stdout } = inside('clean');
    expect(stdout).toMatch(/^nat +- \d+ rules removed in (?!.*FOO)/m);
    expect(stdout).toMatch(
      /^nat FOO +- 2 -p tcp -j ISTIO_REDIRECT {2}FOO is not the mesh's, but ISTIO_REDIRECT is, and is gone$/m,
    );
    expect(saved()).toContain('-A FOO -s 10.1.0.0/16 -j RETURN\n');
  });
});
