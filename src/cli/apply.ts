import type { BypassTold, Next, Sent, Told } from '../explain/index.ts';
import type { BypassPlan, Notice } from '../interception/index.ts';
import type { ChangeReport, Desired } from '../linux/index.ts';
import type { Backend, HeldRules, Snapshot } from '../netfilter/index.ts';
import type { NamespaceOptions, OutputForm } from './options.ts';
import { loadLinux, selector } from './source.ts';
import { sayWhenStopped } from './stopped.ts';
import type { Terminal } from './terminal.ts';

// What explains and what decides is imported inside the functions: the kernel is read meanwhile.

export interface ApplyOptions extends NamespaceOptions {
  readonly dryRun?: boolean | string;
  readonly output: OutputForm;
}

/** A change: from what a namespace holds to what it should hold. Applied to its own result it asks for nothing. */
export type Compute = (before: Snapshot, backend: Backend) => Desired | Promise<Desired>;

/** What was done, as far as it is told. */
export interface Applied {
  readonly before: Snapshot;
  /** In a dry run: as it would be. */
  readonly after: Snapshot;
  readonly backend: Backend;
  /** In ip's words. */
  readonly routing: readonly string[];
  /** Something was done, or in a dry run would be. */
  readonly changed: boolean;
  readonly dryRun: boolean;
}

/** A flag that Istio takes with a value too: `--dry-run=false`. */
export const isOn = (flag: boolean | string | undefined): boolean =>
  flag === true || (typeof flag === 'string' && /^(1|t|true)$/i.test(flag));

/** Carries a change out, or plans it in a dry run. Everything or nothing; see linux.changeRules for what it throws. */
export async function applyChange(
  options: ApplyOptions & { readonly path?: string },
  compute: Compute,
): Promise<Applied> {
  const { changeRules, openNamespace } = await loadLinux();
  const where = options.path === undefined ? selector(options) : { netns: options.path };
  const dryRun = isOn(options.dryRun);
  const namespace = openNamespace(where);
  const heard = dryRun ? undefined : sayWhenStopped();
  const report = await changeRules(namespace, {
    compute(before, backend) {
      // What will tell of it is loaded while the kernel's tools are at work.
      setImmediate(() => void import('../explain/index.ts'));
      return compute(before, backend);
    },
    dryRun,
    ...(options.backend ? { backend: options.backend } : {}),
  }).finally(heard);
  const { before, backend, steps } = report;
  const after = dryRun ? await asDesired(before, await compute(before, backend)) : report.after;
  return { before, after, backend, routing: routingOf(report), changed: steps.length > 0, dryRun };
}

/** The snapshot with what a change names in place of what it holds. */
export async function asDesired(before: Snapshot, { held, native = [] }: Desired): Promise<Snapshot> {
  const same = (one: HeldRules, other: HeldRules): boolean =>
    one.backend === other.backend && one.rules.family === other.rules.family;
  const kept = before.held.map((old) => held.find((fresh) => same(fresh, old)) ?? old);
  const added = held.filter((fresh) => !before.held.some((old) => same(fresh, old)));
  if (native.length === 0) return { ...before, held: [...kept, ...added] };
  const { parseNft } = await import('../text/index.ts');
  const named = new Set(native.map(({ name }) => name));
  const others = (before.native ?? []).filter(({ family, name }) => family !== 'inet' || !named.has(name));
  const written = native.flatMap(({ text }) => (text === undefined ? [] : parseNft(text)));
  return { ...before, held: [...kept, ...added], native: [...others, ...written] };
}

const routingOf = ({ steps }: ChangeReport): string[] =>
  steps.flatMap((step) =>
    step.kind === 'ip' ? [`ip ${step.family === 'ipv4' ? '-4' : '-6'} ${step.words.join(' ')}`] : [],
  );

/** How a change is told. */
export interface Telling {
  readonly output: OutputForm;
  readonly notices: readonly Notice[];
  /** Why there was nothing to do. */
  readonly nothing: string;
  /** What the rules are now, in a few words. */
  readonly title?: string;
  /** Of a bypass: what it does to packets. */
  readonly told?: Told;
  /** A bypass that is applied. */
  readonly plan?: BypassPlan;
  /** What belongs to a bypass that is applied or taken back. */
  readonly bypass?: BypassTold;
  /** Of a bypass: packets that were sent through the kernel. */
  readonly sent?: Sent | undefined;
  /** What to do next. */
  readonly next?: Next;
}

/** Prints what a change did, or would do, and what it could not see. */
export async function tellChange(applied: Applied, telling: Telling, terminal: Terminal): Promise<void> {
  const { changeDocument, changeScreen } = await import('../explain/index.ts');
  const { before, after, backend } = applied;
  if (before.unread?.some(({ about }) => about === 'rules')) {
    const { sayUnread } = await import('./said.ts');
    await sayUnread({ ...before, held: [], unread: before.unread.filter(({ about }) => about === 'rules') }, terminal);
  }
  if (telling.output === 'json') {
    const { notices, bypass } = telling;
    terminal.json(changeDocument({ ...applied, notices, ...(bypass ? { bypass } : {}) }));
  } else if (telling.output === 'save') {
    const { writeSave } = await import('./save.ts');
    await writeSave(
      after.held.filter((held) => held.backend === backend),
      { counters: false },
      terminal,
    );
  } else {
    const { notCovered = [] } = telling.bypass ?? {};
    await terminal.show(changeScreen({ ...applied, ...telling, notCovered }));
  }
}

/** Says at once what the user ought to know of what was asked. */
export async function sayNotices(notices: readonly Notice[], terminal: Terminal): Promise<void> {
  if (notices.length === 0) return;
  const { noticeBlocks } = await import('../explain/index.ts');
  await terminal.say(noticeBlocks(notices), 'warn');
}
