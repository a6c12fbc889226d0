import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES, type Family } from '../../src/address/index.ts';
import {
  cleaned,
  commented,
  defaultInterception,
  dialectOf,
  type Interception,
  type Program,
  programmed,
} from '../../src/interception/index.ts';
import { type Backend, emptyRuleSet, type RuleSet } from '../../src/netfilter/index.ts';
import { parseSave, printSave, restoreScript } from '../../src/text/index.ts';
import { programOf, readCases } from '../interception/cases.ts';
import { foreignRules, randomInterception, seeded } from '../interception/random.ts';
import { ORDINARY_USER, openScratch, type Scratch } from '../support/namespace.ts';

type Both<T> = Readonly<Record<Family, T>>;

let scratch: Scratch;
let folder: string;

beforeAll(async () => {
  scratch = await openScratch();
  folder = mkdtempSync(join(tmpdir(), 'sidestep-dialects-'));
  // The ordinary user reads the scripts too.
  chmodSync(folder, 0o755);
});
afterAll(() => {
  scratch?.close();
  rmSync(folder, { recursive: true, force: true });
});

// One process tree a configuration: both families restored, then both saved.
const RESTORE_AND_SAVE =
  'set -e; iptables-$1-restore --noflush "$2"; ip6tables-$1-restore --noflush "$3"; iptables-$1-save; echo "# family ipv6"; ip6tables-$1-save';

/** Restores both scripts and returns what the kernel then holds, comments and counters aside. */
function restore(
  scripts: Both<string>,
  options: { fresh?: boolean; backend?: Backend; where?: Scratch } = {},
): Both<string> {
  const { fresh = false, backend = 'nft', where = scratch } = options;
  const files = FAMILIES.map((family) => {
    const file = join(folder, family);
    writeFileSync(file, scripts[family]);
    return file;
  });
  const command = ['sh', '-c', RESTORE_AND_SAVE, 'sh', backend, ...files];
  // The legacy back end's lock is root's unless it is told of another.
  const env = { XTABLES_LOCKFILE: join(folder, 'lock') };
  const done = where.run(fresh ? ['unshare', '--net', ...command] : command, { env });
  if (done.status !== 0) throw new Error(`${done.stderr}\n${scripts.ipv4}\n${scripts.ipv6}`);
  const [ipv4 = '', ipv6 = ''] = done.stdout.split('# family ipv6\n').map(withoutComments);
  return { ipv4, ipv6 };
}

const withoutComments = (saved: string): string => saved.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '[0:0]');

const withoutEmptyTables = (saved: string): string => saved.replace(/\*\w+\n(:\S+ ACCEPT \[0:0\]\n)+COMMIT\n/g, '');

const both = <T>(of: (family: Family) => T): Both<T> => ({ ipv4: of('ipv4'), ipv6: of('ipv6') });

const read = (saved: Both<string>): Both<RuleSet> =>
  both((family) => parseSave(saved[family], { family })[0] ?? emptyRuleSet(family));

/** The program of an interception. Where no second uid exists, the proxy is known by its mark, and groups by nothing. */
function written(asked: Interception): Program {
  const { uids, gids } = asked.proxy;
  const interception = scratch.manyUsers
    ? asked
    : {
        ...asked,
        proxy: { uids: [], gids: [], marks: uids.length + gids.length > 0 ? [4242] : asked.proxy.marks },
        outbound: { ...asked.outbound, ownerGroups: { include: '*' as const, exclude: [] } },
      };
  return dialectOf(interception.dialect).write(interception);
}

/** What `init --dry-run -o save` prints. */
const printed = (program: Program): Both<string> =>
  both((family) => printSave(programmed(emptyRuleSet(family), program, family)));

const freshScripts = (program: Program): Both<string> =>
  both((family) => restoreScript(emptyRuleSet(family), programmed(emptyRuleSet(family), program, family)));

describe('in a fresh namespace the kernel holds, byte for byte, what -o save prints', () => {
  for (const dialect of ['istio-2018', 'istio'] as const) {
    test.for(readCases(dialect))(`${dialect}: $title`, ({ asked, resolvConf }) => {
      const program = written(programOf(asked, dialect, resolvConf).interception);
      expect(restore(freshScripts(program), { fresh: true })).toEqual(printed(program));
    });
  }

  test('200 random configurations', () => {
    const random = seeded(8888);
    for (let count = 0; count < 200; count += 1) {
      const asked = written(randomInterception(random));
      const program = count % 10 === 0 ? commented(asked) : asked;
      expect(restore(freshScripts(program), { fresh: true })).toEqual(printed(program));
    }
  });

  test('30 random configurations on the legacy back end', () => {
    const random = seeded(15001);
    // Legacy lists its tables in the order in which the kernel came to know them.
    const tables = (text: string) => text.split(/(?=^\*)/m).sort();
    for (let count = 0; count < 30; count += 1) {
      const program = written(randomInterception(random));
      const held = restore(freshScripts(program), { fresh: true, backend: 'legacy' });
      for (const family of FAMILIES) expect(tables(held[family])).toEqual(tables(printed(program)[family]));
    }
  });

  test("in an ordinary user's namespace, where no second uid exists: by mark", async () => {
    const where = process.getuid?.() === 0 ? await openScratch({ user: ORDINARY_USER }) : scratch;
    try {
      for (const dialect of ['istio-2018', 'istio'] as const) {
        const usual = defaultInterception(dialect);
        const program = written({
          ...usual,
          proxy: { uids: [], gids: [], marks: [4242] },
          inbound: { include: '*', exclude: [] },
          outbound: { ...usual.outbound, include: '*' },
        });
        expect(restore(freshScripts(program), { fresh: true, where })).toEqual(printed(program));
      }
    } finally {
      if (where !== scratch) where.close();
    }
  });
});

test.for([
  { backend: 'nft', configurations: 200 },
  { backend: 'legacy', configurations: 40 },
] as const)(
  'from each of $configurations random configurations to the next, among rules of others, on $backend: as in a fresh start; then clean',
  async ({ backend, configurations }) => {
    const where = await scratch.beside();
    try {
      const change = (before: Both<RuleSet>, after: Both<RuleSet>) =>
        restore(
          both((family) => restoreScript(before[family], after[family])),
          { backend, where },
        );
      // Legacy lists its tables in the order in which the kernel came to know them.
      const essence = (saved: Both<string>) =>
        both((family) =>
          withoutEmptyTables(saved[family])
            .split(/(?=^\*)/m)
            .sort(),
        );
      const random = seeded(20180828);
      const others = both(foreignRules);
      let held = change(both(emptyRuleSet), others);
      expect(essence(held)).toEqual(essence(both((family) => printSave(others[family]))));
      for (let count = 0; count < configurations; count += 1) {
        const program = written(randomInterception(random));
        const before = read(held);
        const together = [before.ipv4, before.ipv6];
        held = change(
          before,
          both((family) => programmed(before[family], program, family, together)),
        );
        const fresh = both((family) => printSave(programmed(others[family], program, family)));
        expect(essence(held)).toEqual(essence(fresh));
        const now = read(held);
        const again = both((family) => programmed(now[family], program, family, [now.ipv4, now.ipv6]));
        expect(both((family) => restoreScript(now[family], again[family]))).toEqual({ ipv4: '', ipv6: '' });
      }
      const last = read(held);
      held = change(
        last,
        both((family) => cleaned(last[family], [last.ipv4, last.ipv6])),
      );
      expect(essence(held)).toEqual(essence(both((family) => printSave(others[family]))));
    } finally {
      where.close();
    }
  },
);

test('64 owner groups: those listed are caught, all others go back to OUTPUT', async ({ skip }) => {
  if (!scratch.manyUsers) skip('needs more groups than an ordinary user’s namespace has');
  const where = await scratch.beside();
  try {
    where.must(['ip', '-batch', '-'], {
      input:
        'link add eth0 type veth peer name peer\naddress add 10.0.0.5/8 dev eth0\nlink set eth0 up\nlink set peer up\n',
    });
    const usual = defaultInterception('istio');
    const include = Array.from({ length: 64 }, (_, index) => String(3000 + index));
    const program = written({
      ...usual,
      outbound: { ...usual.outbound, include: '*', ownerGroups: { include, exclude: [] } },
    });
    const { ipv4, ipv6 } = freshScripts(program);
    const behind = ipv4.replace('-A OUTPUT -j ISTIO_OUTPUT\n', '$&-A OUTPUT -p tcp --dport 81 -j ACCEPT\n');
    restore({ ipv4: behind, ipv6 }, { where });
    const counted = (rule: string): string =>
      new RegExp(`^\\[(\\d+):\\d+\\] ${rule}`, 'm').exec(where.must(['iptables-save', '-c', '-t', 'nat']))?.[1] ?? '';
    /** Until it is counted: nobody answers, and a second later it would be sent again. */
    const knock = async (gid: number, counts: readonly string[]): Promise<void> => {
      const caller = where.start(
        ['setpriv', `--regid=${gid}`, '--clear-groups', 'bash', '-c', ': < /dev/tcp/10.9.9.9/81'],
        { stdio: 'ignore' },
      );
      await expect
        .poll(() => [counted('-A ISTIO_REDIRECT'), counted('-A OUTPUT -p tcp')], { interval: 20, timeout: 20_000 })
        .toEqual(counts);
      caller.kill('SIGKILL');
    };
    await knock(3000, ['1', '0']);
    await knock(3063, ['2', '0']);
    await knock(3064, ['2', '1']);
  } finally {
    where.close();
  }
});
