import { FAMILIES } from '../address/index.ts';
import { type Snapshot, seesFamily, type TableName } from '../netfilter/index.ts';
import type { NamespaceOptions, SourceOptions } from './options.ts';
import type { Terminal } from './terminal.ts';
import { NotHere, UsageError } from './usage.ts';

/**
 * The snapshot that a command is asked about: a file's, or the kernel's. Nothing of Linux is loaded for a file.
 *
 * @throws UnreadableInput, InputRefused for a file; NotPermitted, MissingPackage, NoSuchNamespace for the kernel.
 */
export async function readSource(options: SourceOptions, terminal: Terminal): Promise<Snapshot> {
  const snapshot =
    options.from === undefined ? await readLive(options) : await readFrom(options.from, options, terminal);
  return options.family === undefined ? snapshot : onlyFamily(snapshot, options.family);
}

async function readFrom(path: string, options: SourceOptions, terminal: Terminal): Promise<Snapshot> {
  const live = (['netns', 'pid', 'container'] as const).find((key) => options[key] !== undefined);
  if (live) throw new UsageError(`--from and --${live} exclude each other`, 'A file says nothing of a namespace.');
  const { keepGoing = false, family, table, known } = options;
  const { readText } = await import('./file.ts');
  const text = await readText(path, { keepGoing });
  const { formatDiagnostic, readInput } = await import('../text/index.ts');
  const source = path === '-' ? 'standard input' : path;
  const passedOver: string[] = [];
  const notes: string[] = [];
  const snapshot = readInput(text, {
    source,
    keepGoing,
    report: (diagnostic) => passedOver.push(formatDiagnostic(source, diagnostic)),
    note: (text) => notes.push(text),
    ...(table ? { table } : {}),
    ...(known ? { known } : {}),
    // Where the text holds both families and says so, the flag only chooses.
    ...(family && !namesBoth(text) ? { family } : {}),
  });
  if (passedOver.length > 0) {
    const { paragraph } = await import('../explain/index.ts');
    const lines = passedOver.flatMap((told) => told.split('\n'));
    await terminal.say(
      [...lines, 'sidestep: this is passed over (--keep-going).'].map((told) => paragraph(told)),
      'warn',
    );
  }
  if (notes.length > 0) {
    const { paragraph } = await import('../explain/index.ts');
    await terminal.say(notes.map((text) => paragraph(`sidestep: ${source}: ${text}`)));
  }
  return snapshot;
}

const namesBoth = (text: string): boolean => /^# family ipv4\s*$/m.test(text) && /^# family ipv6\s*$/m.test(text);

async function readLive(options: NamespaceOptions): Promise<Snapshot> {
  const { openNamespace, readSnapshot } = await loadLinux();
  const { backend } = options;
  const snapshot = await readSnapshot(openNamespace(selector(options)), { needRules: true });
  return backend ? { ...snapshot, held: snapshot.held.filter((held) => held.backend === backend) } : snapshot;
}

/** The layer that talks to the kernel. Refused with words on a system that is not Linux. */
export async function loadLinux(): Promise<typeof import('../linux/index.ts')> {
  if (process.platform !== 'linux') {
    throw new NotHere(
      `live rules are Linux's, and this is ${process.platform}`,
      'Read a file instead: --from rules.txt. It needs nothing of Linux.',
    );
  }
  return import('../linux/index.ts');
}

/** At most one of the three ways to name a namespace. */
export function selector({ netns, pid, container }: NamespaceOptions): {
  readonly netns?: string;
  readonly pid?: number;
  readonly container?: string;
} {
  const given = Object.entries({ netns, pid, container }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new UsageError(
      `${given.map(([key]) => `--${key}`).join(' and ')} exclude each other`,
      'Each of them names one network namespace.',
    );
  }
  for (const [key, value] of given) {
    if (value === '') throw new UsageError(`--${key} is empty`, 'Was it to hold a shell variable that is not set?');
  }
  return Object.fromEntries(given);
}

/** The words before a command that put it into the namespace: `ip netns exec node`. None for this process's own. */
export async function enterWords(options: NamespaceOptions): Promise<readonly string[]> {
  if (options.netns !== undefined && !options.netns.includes('/')) return ['ip', 'netns', 'exec', options.netns];
  const { openNamespace } = await loadLinux();
  const { enter } = openNamespace(selector(options));
  // By their names: where they lie here is nobody's business.
  return enter.map((word) => word.replace(/^\/\S*bin\//, ''));
}

const onlyFamily = (snapshot: Snapshot, family: (typeof FAMILIES)[number]): Snapshot => ({
  ...snapshot,
  held: snapshot.held.filter(({ rules }) => rules.family === family),
  ...(snapshot.native ? { native: snapshot.native.filter((table) => seesFamily(table, family)) } : {}),
});

/** The snapshot with one table of iptables only: for showing it, never for following a packet. */
export function onlyTable(snapshot: Snapshot, table: TableName | undefined): Snapshot {
  if (table === undefined) return snapshot;
  const { native: _, ...rest } = snapshot;
  return {
    ...rest,
    held: snapshot.held.map(({ rules, ...whose }) => ({
      ...whose,
      rules: { ...rules, tables: rules.tables.filter(({ name }) => name === table) },
    })),
  };
}

/** The families of which a snapshot holds rules. */
export const familiesOf = (snapshot: Snapshot): readonly (typeof FAMILIES)[number][] =>
  FAMILIES.filter((family) => snapshot.held.some(({ rules }) => rules.family === family));
