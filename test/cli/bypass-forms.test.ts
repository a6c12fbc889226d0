import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, test } from 'vitest';
import { bypass } from '../../src/cli/bypass.ts';
import type { Call } from '../../src/cli/command.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { layOut, type Screen, textOf } from '../../src/explain/index.ts';

// In whatever form a plan is printed, it ends as the plan for people does: a refused one is printed in none that could be carried
// out, and what is not proved is said beside the form.

const FOLDER = mkdtempSync(`${tmpdir()}/sidestep-forms-`);
afterAll(() => rmSync(FOLDER, { recursive: true }));
const rules = (own: readonly string[], beside = ''): string =>
  [
    ...['*nat', ':PREROUTING ACCEPT [0:0]', ':INPUT ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ':POSTROUTING ACCEPT [0:0]'],
    ...[':ISTIO_INBOUND - [0:0]', ':ISTIO_IN_REDIRECT - [0:0]'],
    ...own,
    `COMMIT\n${beside}`,
  ].join('\n');
const MESH = [
  '-A PREROUTING -p tcp -j ISTIO_INBOUND',
  '-A ISTIO_INBOUND -p tcp -m tcp --dport 22 -j RETURN',
  '-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT',
  '-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006',
];
const RULES = {
  proved: rules(MESH),
  // Right before the mesh's rule, for at the top it would take what another rule sends on.
  behind: rules([
    '-A PREROUTING -s 192.0.2.0/24 -p tcp -m tcp --dport 8888 -j DNAT --to-destination 10.0.0.9',
    ...MESH,
  ]),
  // Another rule turns the port to a port of its own, for those whom the mesh's list leaves alone.
  turned: rules([
    ...MESH.toSpliced(1, 0, '-A ISTIO_INBOUND -s 192.0.2.0/24 -j RETURN'),
    '-A PREROUTING -s 192.0.2.0/24 -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 9999',
  ]),
  // Another rule sends the port on, within the mesh's own list.
  beyond: rules(
    MESH.toSpliced(1, 0, '-A ISTIO_INBOUND -s 10.0.0.0/8 -p tcp -m tcp --dport 8888 -j DNAT --to-destination 10.0.0.9'),
  ),
  cut: rules(
    MESH,
    '*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 15006 -j ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n',
  ),
  open: rules(MESH.toSpliced(1, 0, '-A ISTIO_INBOUND -p tcp -m riddle --depth 3 -j RETURN')),
  none: rules([]),
  // Routes send what has the mark of TPROXY to lo, wherever it is for.
  marked: JSON.stringify({
    schema: 'sidestep/snapshot/1',
    origin: 'a pod',
    rules: [
      {
        backend: 'nft',
        family: 'ipv4',
        save: '*mangle\n-A PREROUTING -p tcp -j TPROXY --on-port 15006 --tproxy-mark 0x1/0x1\nCOMMIT\n',
      },
    ],
    interfaces: [
      { name: 'lo', index: 1, up: true, addresses: [{ address: '127.0.0.1/8', scope: 'host' }] },
      { name: 'eth0', index: 2, up: true, addresses: [{ address: '10.0.0.5/24', scope: 'global' }] },
    ],
    routes: [
      { table: 133, kind: 'local', device: 'lo', destination: 'default' },
      { table: 254, kind: 'unicast', device: 'eth0', destination: 'default', gateway: '10.0.0.1' },
      { table: 255, kind: 'local', device: 'eth0', destination: '10.0.0.5/32' },
    ].map((route) => ({ family: 'ipv4', metric: 0, ...route })),
    routingRules: [
      { family: 'ipv4', priority: 0, table: 255 },
      { family: 'ipv4', priority: 32_765, table: 133, mark: { value: 1, mask: 1 } },
      { family: 'ipv4', priority: 32_766, table: 254 },
    ],
  }),
} as const;
for (const [name, text] of Object.entries(RULES)) writeFileSync(`${FOLDER}/${name}`, text);

const FORMS = {
  text: {},
  edit: { edit: true },
  json: { output: 'json' },
  save: { output: 'save' },
  container: { manifest: 'init-container' },
  patch: { manifest: 'patch' },
  annotation: { manifest: 'annotation' },
} as const;
type Form = keyof typeof FORMS;

interface Shown {
  readonly status: number;
  readonly out: string;
  readonly aside: string;
}

async function asked(file: keyof typeof RULES, form: Form, args = ['8888'], more: object = {}): Promise<Shown> {
  const out: string[] = [];
  const aside: string[] = [];
  const laid = (screen: Screen): string => layOut(screen, Number.POSITIVE_INFINITY).map(textOf).join('\n');
  const terminal = {
    show: async (screen) => void out.push(laid(screen)),
    write: (text) => void out.push(text),
    json: (document) => void out.push(JSON.stringify(document)),
    say: async (screen) => void aside.push(laid(screen)),
  } as Partial<Terminal> as Terminal;
  const options = { output: 'text', from: `${FOLDER}/${file}`, ...FORMS[form], ...more };
  const status = await bypass.run({ args, options, argv: [], terminal, program: 'sidestep' } as Call<
    Record<string, unknown>
  >);
  return { status, out: out.join('\n'), aside: aside.join('\n') };
}

/** What could be carried out: rules or YAML that let 8888 pass. */
const carriedOut = (form: Form, out: string): boolean =>
  form === 'save'
    ? /dport 8888 .*"sidestep bypass"/.test(out)
    : /\["sidestep", "bypass"|InboundPorts: "[^"]*8888|--manifest|--apply does/.test(out);

const BEYOND = 'a bypass changes nothing else';
const CUT = 'it would only cut the ports off, so let them in first';

describe('a plan that is refused', () => {
  test.each([
    ['text', BEYOND, 'out'],
    ['edit', BEYOND, 'out'],
    ['json', `"refused":"${BEYOND}"`, 'out'],
    ['save', `No rules are printed: ${BEYOND}.`, 'aside'],
    ['container', `No YAML is printed, for in such a pod the container refuses to do it: ${BEYOND}.`, 'aside'],
    ['patch', `No YAML is printed, for in such a pod the container refuses to do it: ${BEYOND}.`, 'aside'],
    ['annotation', `No annotation is printed: ${BEYOND}.`, 'aside'],
  ] as const)('%s: it is said, and nothing else is printed', async (form, says, where) => {
    for (const [file, why] of [
      ['beyond', BEYOND],
      ['cut', CUT],
    ] as const) {
      const shown = await asked(file, form);
      expect(shown[where]).toContain(says.replace(BEYOND, why));
      expect(carriedOut(form, shown.out)).toBe(false);
      if (where === 'aside') expect(shown.out).toBe('');
      expect(shown.status).toBe(1);
    }
  });

  test('no other way is recommended, for it would be refused as well', async () => {
    for (const file of ['beyond', 'cut'] as const)
      for (const form of ['text', 'edit'] as const)
        expect((await asked(file, form)).out).not.toMatch(/Chosen|Instead|without --edit|--edit would/);
  });
});

test('a way that is recommended instead is one that is proved', async () => {
  const refused = await asked('turned', 'container');
  expect([refused.status, refused.out]).toEqual([1, '']);
  expect(refused.aside).toContain('Instead: --edit does only this, by changing 1 rule of the mesh');
  const instead = await asked('turned', 'container', ['8888'], { edit: true });
  expect(instead.out).toContain('command: ["sidestep", "bypass", "8888", "--apply", "--edit"]');
  expect([instead.status, instead.aside]).toEqual([0, '']);
});

describe('a plan that is proved', () => {
  test.each([
    ['text', /✓ Proved[\s\S]*For a fleet: sidestep bypass 8888 --from \S+ --manifest init-container$/],
    ['edit', /without --edit 1 rule would be put before it/],
    ['json', /"exact":true/],
    ['save', /^-A PREROUTING .*--dport 8888 .*-j RETURN$/m],
    ['container', /^# Proof, with the rules of \S+: exactly these connections change, and nothing else does\.$/m],
    ['patch', /^# Proof, with the rules of \S+: exactly these connections change, and nothing else does\.$/m],
    ['annotation', /^# Proof, with the rules of \S+: exactly these connections change, and nothing else does\.$/m],
  ] as const)('%s', async (form, says) => {
    const { status, out, aside } = await asked('proved', form);
    expect(out).toMatch(says);
    expect(carriedOut(form, out)).toBe(form !== 'json');
    expect([status, aside]).toEqual([0, '']);
  });

  test('its container says when it is proved, and what comes of it if not', async () => {
    expect((await asked('proved', 'container')).out).toMatch(
      /In the pod it is proved of the rules that are there then[\s\S]*ends with 1: the pod does not start/,
    );
  });

  test('where its rule cannot come first, the container runs behind the mesh’s', async () => {
    const { out, status } = await asked('behind', 'container');
    expect(out).toContain("# Order: behind the mesh's own init container, for its rule goes right before the one that");
    expect(out).toContain('command: ["sidestep", "bypass", "8888", "--apply"]');
    expect(status).toBe(0);
  });

  test('where own calls need rules that the mesh’s tell of, it does so too', async () => {
    expect((await asked('marked', 'text', ['8888'], { self: true })).out).toContain('Chosen: own calls by a rule more');
    const { out, status } = await asked('marked', 'container', ['8888'], { self: true });
    expect(out).toContain("# Order: behind the mesh's own init container: before it, nothing tells");
    expect(out).toContain('command: ["sidestep", "bypass", "8888", "--apply", "--self"]');
    expect(status).toBe(0);
  });
});

describe('where there is nothing to do', () => {
  test.each([
    ['text', /^Nothing to do\.\n[\s\S]*Nothing has been changed: the rules came from a file\.$/],
    ['json', /"changes":\[\]/],
    ['save', /^\*nat$(?![\s\S]*sidestep bypass)/m],
    ['container', /^# Proof, with the rules of \S+: there is nothing to do\.$/m],
    ['annotation', /^# Proof, with the rules of \S+: there is nothing to do\.$/m],
  ] as const)('%s', async (form, says) => {
    const { status, out, aside } = await asked('proved', form, ['22']);
    expect(out).toMatch(says);
    expect([status, aside]).toEqual([0, '']);
  });

  test.each(['container', 'patch', 'annotation'] as const)('%s: without a mesh nothing is proved', async (form) => {
    const { status, out } = await asked('none', form);
    expect(out).toMatch(/^# Not proved: .*--from FILE or --pid PID shows/m);
    expect(status).toBe(0);
  });
});

describe('a plan of which not all is known', () => {
  const WHY = 'of some packets, because part of what decides it is open';
  test.each([
    ['text', 'out', `? not proved ${WHY}`],
    ['json', 'out', '"open":["part of what decides it is open"]'],
    ['save', 'aside', `? not proved ${WHY}`],
    ['container', 'aside', `? not proved ${WHY}`],
    ['container', 'out', `not known ${WHY}`],
    ['annotation', 'aside', `? not proved ${WHY}`],
  ] as const)('%s, %s', async (form, where, says) => {
    const shown = await asked('open', form);
    expect(shown[where]).toContain(says);
    expect(carriedOut(form, shown.out)).toBe(form !== 'json');
    expect(shown.status).toBe(0);
  });
});

test('an end that is over is refused in every form', async () => {
  for (const form of ['text', 'save', 'container'] as const)
    await expect(asked('proved', form, ['8888'], { until: '2001-01-01' })).rejects.toThrow(/still to come/);
});

test('advice names the file and how it was read', async () => {
  expect((await asked('proved', 'text', ['8888'], { keepGoing: true })).out).toMatch(
    /--from \S+ --keep-going --manifest init-container$/,
  );
});
