import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verificationDocument } from '../../src/explain/schema/index.ts';
import { openPair, type Pair, WAYS } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';

const ENVIRONMENT = { COLUMNS: '200', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
const BOTH = ['-b', '*', '-i', '*'];
const isRoot = process.getuid?.() === 0;

/** A pod of both families, and what is done to its rules behind Sidestep's back. */
interface Damage {
  readonly init: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Commands of iptables, as a person types them. */
  readonly by: readonly string[];
  /** Before the interception: rules of others that stay. */
  readonly before?: readonly string[];
  /** What is left out of the flags of verify: then the rules have to tell. */
  readonly untold?: true;
  /** What is found, in the order in which it is shown. */
  readonly found: readonly string[];
  /** What the first of them do to a packet. */
  readonly means?: readonly (RegExp | undefined)[];
}

describe.each(WAYS)('what verify finds, and what it prints to mend it, $title', ({ options }) => {
  const asRoot = isRoot && options.user === undefined;
  let pair: Pair;
  beforeEach(async () => {
    pair = await openPair(options);
  });
  afterEach(() => pair.close());

  const identity = () => (pair.pod.manyUsers ? [] : ['--proxy-mark', '7']);
  const sidestep = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    pair.pod.run([process.execPath, SIDESTEP, ...args], { env: { ...ENVIRONMENT, ...env } });
  const sh = (command: string, env: Readonly<Record<string, string>> = {}) =>
    pair.pod.must(['sh', '-ec', command], { env: { ...ENVIRONMENT, ...env } });
  const saved = (): string =>
    ['iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'ip6tables-legacy']
      .map((tool) => `${tool}\n${sh(`${tool}-save`)}`)
      .join('')
      .replace(/^#.*\n/gm, '')
      .replace(/\[\d+:\d+\]/g, '[0:0]')
      // A table without rules is as good as none.
      .replace(/^\*\w+\n(:\w+ ACCEPT \[0:0\]\n)*COMMIT\n/gm, '');
  const verify = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { stdout, stderr, status } = sidestep(['verify', '--no-probe', '-o', 'json', ...args], env);
    expect(stderr).not.toMatch(/defect|refused/);
    return { status, ...verificationDocument.parse(JSON.parse(stdout)) };
  };
  const run = (mend: string, env: Readonly<Record<string, string>>): void => {
    sh(mend.replace(/^sidestep /, `'${process.execPath}' '${SIDESTEP}' `), env);
  };

  const DAMAGES: readonly (readonly [title: string, damage: Damage])[] = [
    [
      'both families, a rule of one of them gone',
      {
        init: ['--dual-stack', ...BOTH],
        by: ['ip6tables -t nat -D ISTIO_OUTPUT 3'],
        found: ['missing ipv6 nat ISTIO_OUTPUT'],
      },
    ],
    [
      'both families, as the rules tell it',
      {
        init: ['--dual-stack', ...BOTH, '-d', '15090'],
        by: ['ip6tables -t nat -D ISTIO_INBOUND 2'],
        untold: true,
        found: ['missing ipv6 nat ISTIO_INBOUND'],
      },
    ],
    [
      'groups and a loopback network by variable, and none set any more',
      {
        init: BOTH,
        env: { ISTIO_OUTBOUND_OWNER_GROUPS: '0', ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR: '127.0.0.0/8' },
        by: ['iptables -t nat -D ISTIO_OUTPUT 3'],
        untold: true,
        found: ['missing ipv4 nat ISTIO_OUTPUT'],
      },
    ],
    [
      'several rules by hand above the mesh’s own jump, one of them twice',
      {
        init: BOTH,
        by: [
          'iptables -t nat -I PREROUTING -p tcp --dport 8888 -j RETURN',
          'iptables -t nat -I PREROUTING -p tcp --dport 9999 -m comment --comment "do not \\$(touch /tmp/x) \'this\'" -j ACCEPT',
          'iptables -t nat -I PREROUTING -p tcp --dport 8888 -j RETURN',
          'iptables -t nat -I OUTPUT -p tcp --dport 443 -j ACCEPT',
        ],
        found: [
          'extra ipv4 nat PREROUTING',
          'extra ipv4 nat PREROUTING',
          'extra ipv4 nat PREROUTING',
          'extra ipv4 nat OUTPUT',
        ],
      },
    ],
    [
      'a rule by hand, a bypass of Sidestep’s and a rule that is gone',
      {
        init: ['--dual-stack', ...BOTH],
        by: [
          `'${process.execPath}' '${SIDESTEP}' bypass 7000-7010 --apply >/dev/null`,
          'ip6tables -t nat -I PREROUTING -p tcp --dport 8888 -j RETURN',
          'iptables -t nat -D ISTIO_OUTPUT 2',
        ],
        found: [
          'extra ipv4 nat PREROUTING',
          'missing ipv4 nat ISTIO_OUTPUT',
          'extra ipv6 nat PREROUTING',
          'extra ipv6 nat PREROUTING',
        ],
      },
    ],
    [
      'the mesh’s own jump twice',
      {
        init: BOTH,
        by: ['iptables -t nat -I PREROUTING -p tcp -j ISTIO_INBOUND'],
        found: ['extra ipv4 nat PREROUTING'],
      },
    ],
    [
      'connections that conntrack is told to pass over',
      {
        init: BOTH,
        by: [
          'iptables -t raw -I PREROUTING -p tcp --dport 8888 -j CT --notrack',
          'iptables -t raw -I OUTPUT -p tcp --sport 8888 -j CT --notrack',
        ],
        found: ['extra ipv4 raw PREROUTING', 'extra ipv4 raw OUTPUT'],
        means: [/^in tcp\/8888 goes to the app on :8888, not to the proxy on :15006/],
      },
    ],
    [
      'with TPROXY, a redirect behind it',
      {
        init: ['-m', 'TPROXY', ...BOTH],
        by: ['iptables -t nat -I PREROUTING -p tcp --dport 8888 -j REDIRECT --to-ports 9'],
        found: ['extra ipv4 nat PREROUTING'],
        means: [/^in tcp\/8888 reaches the proxy as if it had been sent to :9/],
      },
    ],
    [
      'with TPROXY, a bypass where nothing is caught',
      {
        init: ['-m', 'TPROXY', ...BOTH],
        by: ['iptables -t nat -I PREROUTING -p tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN'],
        found: ['extra ipv4 nat PREROUTING'],
      },
    ],
    [
      'a drop behind the redirect, and on the way out',
      {
        init: BOTH,
        by: [
          'iptables -I INPUT -p tcp --dport 15006 -j DROP',
          'iptables -t mangle -A POSTROUTING -o lo -p tcp --dport 15001 -j DROP',
        ],
        found: ['extra ipv4 mangle POSTROUTING', 'extra ipv4 filter INPUT'],
        means: [/is dropped, not to the proxy on :15001/, /^in tcp\/8080 is dropped, not to the proxy on :15006/],
      },
    ],
    [
      'a policy that shuts the proxy off',
      {
        init: BOTH,
        by: ['iptables -P INPUT DROP'],
        found: ['policy ipv4 filter INPUT'],
        means: [/is dropped, not to the proxy/],
      },
    ],
    [
      'a jump of others that stays, and the mesh’s own jump gone',
      {
        before: ['iptables -t nat -N MYCHAIN', 'iptables -t nat -A PREROUTING -j MYCHAIN'],
        init: ['--dual-stack', ...BOTH, '-d', '15090,15021,15020'],
        by: [
          'iptables -t nat -D PREROUTING -p tcp -j ISTIO_INBOUND',
          'rule=$(iptables -t nat -S ISTIO_OUTPUT 2 | sed "s/^-A ISTIO_OUTPUT/-I ISTIO_OUTPUT 4/"); iptables -t nat -D ISTIO_OUTPUT 2; iptables -t nat $rule',
        ],
        found: ['missing ipv4 nat PREROUTING', 'order ipv4 nat ISTIO_OUTPUT'],
        means: [/^in tcp\/8080 goes to the app on :8080/],
      },
    ],
    [
      'a firewall that lets the proxy be reached',
      {
        before: [
          'iptables -P INPUT DROP',
          'iptables -A INPUT -i lo -j ACCEPT',
          'iptables -A INPUT -m state --state ESTABLISHED -j ACCEPT',
          'iptables -A INPUT -p tcp --dport 15006 -j ACCEPT',
          'iptables -P FORWARD DROP',
          'iptables -t raw -A PREROUTING -p udp --dport 53 -j DROP',
          'iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE',
        ],
        init: BOTH,
        by: [],
        found: [],
      },
    ],
    [
      'a bypass that edits the mesh’s own list, for own calls too, both families',
      {
        init: ['-m', 'TPROXY', '--dual-stack', '-i', '*', '-b', '8080,8888'],
        by: [`'${process.execPath}' '${SIDESTEP}' bypass 8888 --edit --self --apply >/dev/null`],
        found: [
          'changed ipv4 mangle ISTIO_INBOUND',
          'changed ipv4 mangle ISTIO_INBOUND',
          'extra ipv4 nat OUTPUT',
          'changed ipv6 mangle ISTIO_INBOUND',
          'changed ipv6 mangle ISTIO_INBOUND',
          'extra ipv6 nat OUTPUT',
        ],
        means: [undefined, /^in tcp\/8888 goes to the app on :8888, not to the proxy on :15006$/],
      },
    ],
    [
      'rules with comments keep them',
      {
        init: [...BOTH, '--comment'],
        by: ['iptables -t nat -D ISTIO_OUTPUT 4'],
        untold: true,
        found: ['missing ipv4 nat ISTIO_OUTPUT'],
      },
    ],
  ];

  test.for(DAMAGES)('%s', ([, { init, env = {}, before = [], by, untold, found, means = [] }]) => {
    for (const command of before) sh(command);
    const asked = [...identity(), ...init];
    expect(sidestep(['init', ...asked], env).status).toBe(0);
    const fresh = saved();
    for (const command of by) sh(command);
    const flags = untold ? [] : asked;
    const told = verify(flags);
    expect(told.differences.map(({ kind, family, table, chain }) => `${kind} ${family} ${table} ${chain}`)).toEqual(
      found,
    );
    for (const [index, sentence] of means.entries()) {
      const { means: said } = told.differences[index]!;
      if (sentence) expect(said).toMatch(sentence);
      else expect(said).toBeUndefined();
    }
    expect(told.status).toBe(found.length === 0 ? 0 : 1);
    for (const mend of told.mends) run(mend, {});
    expect(verify(flags)).toMatchObject({ status: 0, ok: true, mends: [] });
    expect(saved()).toBe(fresh);
  });

  const rootOnly = asRoot ? test : () => {};

  rootOnly('on the legacy back end the commands say so', () => {
    const asked = [...identity(), ...BOTH, '--backend', 'legacy'];
    expect(sidestep(['init', ...asked]).status).toBe(0);
    const fresh = saved();
    sh('iptables-legacy -t nat -I PREROUTING -p tcp --dport 8888 -j RETURN');
    sh('iptables-legacy -t nat -D ISTIO_OUTPUT 3');
    const told = verify(asked);
    expect(told.mends).toEqual([
      'iptables-legacy -t nat -D PREROUTING -p tcp -m tcp --dport 8888 -j RETURN',
      "sidestep init --dialect istio -i '*' -b '*' --reconcile --backend legacy",
    ]);
    for (const mend of told.mends) run(mend, {});
    expect(verify(asked)).toMatchObject({ status: 0, ok: true });
    expect(saved()).toBe(fresh);
  });

  test('from outside, the commands go into the namespace', () => {
    const asked = [...identity(), ...BOTH];
    expect(sidestep(['init', ...asked]).status).toBe(0);
    const fresh = saved();
    sh('iptables -t nat -I PREROUTING -p tcp --dport 8888 -j RETURN');
    sh('iptables -t nat -D ISTIO_OUTPUT 3');
    const outside = (args: readonly string[]) =>
      pair.client.run([process.execPath, SIDESTEP, ...args, '--pid', String(pair.pod.pid)], { env: ENVIRONMENT });
    const { mends } = verificationDocument.parse(
      JSON.parse(outside(['verify', '--no-probe', '-o', 'json', ...asked]).stdout),
    );
    expect(mends).toHaveLength(2);
    for (const mend of mends)
      pair.client.must(['sh', '-ec', mend.replace(/^sidestep /, `'${process.execPath}' '${SIDESTEP}' `)], {
        env: ENVIRONMENT,
      });
    expect(outside(['verify', '--no-probe', ...asked]).status).toBe(0);
    expect(saved()).toBe(fresh);
    expect(pair.client.must(['iptables-save'])).toBe('');
  });

  test('where nothing is intercepted, -o json is still one document', () => {
    const told = verify([]);
    expect(told).toMatchObject({
      status: 1,
      ok: false,
      differences: [],
      nothing: expect.stringMatching(/no interception/),
    });
  });

  rootOnly('a validation alone needs no right to read rules', () => {
    expect(sidestep(['init', ...BOTH]).status).toBe(0);
    const asProxy = (...flags: readonly string[]) =>
      pair.pod.run(
        [
          'setpriv',
          '--reuid=1337',
          '--regid=1337',
          '--clear-groups',
          '--',
          process.execPath,
          SIDESTEP,
          'verify',
          '--run-validation',
          ...flags,
        ],
        { env: ENVIRONMENT },
      );
    for (const flags of [BOTH, []]) {
      const { status, stderr } = asProxy(...flags);
      expect([status, stderr]).toEqual([0, expect.stringMatching(/✓ live probe/)]);
    }
    sh('iptables -t nat -F ISTIO_OUTPUT');
    expect(asProxy(...BOTH).status).toBe(126);
  });
});
