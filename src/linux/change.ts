import type { Backend, Snapshot, TableName } from '../netfilter/index.ts';
import { escapeControl, restoreScript } from '../text/index.ts';
import { BACKEND_TITLE, choose, rulesOf, wishedBackend } from './backend.ts';
import { refusalOf } from './complaint.ts';
import { removeEmptyTables, type TableAt } from './empty-tables.ts';
import type { Namespace } from './namespace.ts';
import { ChangeUnsettled, LockHeld } from './refusal.ts';
import type { Outcome } from './session.ts';
import { openState, readState, type State } from './state.ts';
import { abandoned, type Desired, type Plan, planOf, type Step, stepsOf } from './step.ts';

/** A change to make. */
export interface Change {
  /**
   * What the namespace should hold, given what it holds. Asked again when others change the rules meanwhile, and once more at
   * the end: applied to its own result it must ask for nothing. `backend` is the one that new rules belong in.
   */
  compute(before: Snapshot, backend: Backend): Desired | Promise<Desired>;
  /** The back end for new rules; else SIDESTEP_BACKEND's, else the one in use. */
  readonly backend?: Backend;
  /** Plan only. */
  readonly dryRun?: boolean;
  /** Seconds to wait for the lock that the legacy tools share. */
  readonly wait?: number;
}

/** What a change did, or would do. */
export interface ChangeReport {
  /** Whether anything was done. */
  readonly changed: boolean;
  readonly backend: Backend;
  /** The steps, in order: those that were carried out, or would be. Empty: everything is as desired. */
  readonly steps: readonly Step[];
  readonly before: Snapshot;
  /** As read back afterwards; in a dry run, the same as `before`. */
  readonly after: Snapshot;
  /** Empty tables that had to stay, because somebody changed rules while they were taken away. */
  readonly left: readonly TableAt[];
}

/** How often a change is planned anew because others changed the same rules in between. */
const ATTEMPTS = 6;
/** Seconds, as Istio waits. */
const WAIT = 30;

/**
 * Reads, computes, applies, reads back. All of the change is made or none; when nothing differs, nothing is run. A table is
 * what the kernel takes in one transaction, so "none" means that what was done to others before is undone.
 *
 * Throws NotPermitted, MissingPackage, MissingKernelFeature, LockHeld or ChangeRefused when it cannot be made (nothing remains of
 * it), and ChangeUnsettled when others keep changing the rules or an undo failed.
 */
export async function changeRules(namespace: Namespace, change: Change): Promise<ChangeReport> {
  const wish = change.backend ?? wishedBackend();
  const wait = change.wait ?? WAIT;
  const steps: Step[] = [];
  const emptied: TableAt[] = [];
  let first: Snapshot | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const open = await openState(namespace, { backend: wish, ...(change.dryRun ? {} : { lock: wait }) });
    const now = open.state.snapshot;
    first ??= now;
    try {
      const backend = wish ?? chooseFor(open.state);
      demandReadable(open.state, backend);
      const desired = await change.compute(now, backend);
      const plan = planOf(now, desired, open.state.texts);
      const report = { backend, before: first, left: [] };
      if (change.dryRun) return { ...report, changed: false, steps: stepsOf(plan), after: now };
      if (stepsOf(plan).length === 0) return { ...report, changed: steps.length > 0, steps, after: now };
      if (attempt > ATTEMPTS) throw unsettled(plan);
      const { snapshot: after, outcome } = await open.apply(plan, wait);
      if (outcome.kind === 'refused') {
        await removeEmptyTables(namespace, fresh(first, after));
        judge(outcome, sameRules(now, after));
        continue;
      }
      steps.push(...stepsOf(plan));
      emptied.push(...abandoned(plan, desired));
      // What was asked for is there, also by the kernel's own account: nothing is left to ask.
      if (stepsOf(planOf(after, await change.compute(after, backend))).length > 0) continue;
      const left = await removeEmptyTables(namespace, emptied);
      return { ...report, changed: true, steps, after: withoutTables(after, emptied, left), left };
    } finally {
      open.close();
    }
  }
}

/** Which back end takes new rules in a namespace: SIDESTEP_BACKEND's, else as Istio finds it. Looking changes nothing. */
export async function chooseBackend(namespace: Namespace): Promise<Backend> {
  const wish = wishedBackend();
  if (wish !== undefined) return wish;
  return chooseFor(await readState(namespace));
}

function chooseFor(state: State): Backend {
  demandReadable(state, 'nft');
  return choose(state.snapshot.held, state.nftWorks);
}

/** A step as one command line, for a plan that is shown. */
export function describeStep(step: Step): string {
  if (step.kind === 'nft') return [`nft -f - <<'END'`, ...shown(step.script), 'END'].join('\n');
  if (step.kind === 'ip') return `ip ${step.family === 'ipv4' ? '-4' : '-6'} ${step.words.join(' ')}`;
  const prefix = step.family === 'ipv4' ? 'iptables' : 'ip6tables';
  return [`${prefix}-${step.backend}-restore --noflush <<'END'`, ...shown(step.script), 'END'].join('\n');
}

const shown = (script: string): readonly string[] => script.trimEnd().split('\n').map(escapeControl);

/** A back end that cannot be read cannot be changed, nor chosen against: what is not known cannot be put back. */
function demandReadable({ refusals }: State, backend: Backend): void {
  const refused = refusals.find((one) => one.backend === backend);
  if (refused !== undefined) throw refused.error;
}

function unsettled(plan: Plan): ChangeUnsettled {
  const [first] = stepsOf(plan);
  return new ChangeUnsettled(
    `the rules were written ${ATTEMPTS} times, and each time the kernel held something else afterwards`,
    `Another program changes the same rules. What is still to be done begins with: ${first ? describeStep(first) : ''}`,
  );
}

/** What a failed attempt means: an error to end with, or nothing when others had changed the rules and it is tried again. */
function judge({ step, said, stuck }: Outcome & { readonly kind: 'refused' }, unchanged: boolean): void {
  const [first] = stuck;
  if (first !== undefined) {
    throw new ChangeUnsettled(
      `a change was refused half way, and what was done could not be undone: ${escapeControl(first.said)}`,
      `What is left to undo: ${first.step ? describeStep(undoOf(first.step)) : 'see the rules'}`,
    );
  }
  const error = refusalOf(
    { stderr: said, status: 1 },
    { doing: step ? doing(step) : 'changing rules', ...(step?.kind === 'restore' ? { script: step.script } : {}) },
  );
  if (unchanged || error instanceof LockHeld) throw error;
}

const doing = (step: Step): string =>
  step.kind === 'ip'
    ? `ip ${step.words.join(' ')}`
    : step.kind === 'nft'
      ? 'changing tables of nftables'
      : `changing table ${step.table} of ${step.family === 'ipv4' ? 'IPv4' : 'IPv6'} in the ${BACKEND_TITLE[step.backend]}`;

const undoOf = (step: Step): Step =>
  step.kind === 'ip' ? { ...step, words: step.undo } : { ...step, script: step.undo };

/** Whether two snapshots hold the same rules. */
const sameRules = (one: Snapshot, other: Snapshot): boolean =>
  [...one.held, ...other.held].every(
    ({ backend, rules: { family } }) =>
      restoreScript(rulesOf(one, family, backend), rulesOf(other, family, backend)) === '',
  );

/** The nft tables that were not there before; after a failure they hold nothing, unless they are somebody else's. */
const fresh = (before: Snapshot, now: Snapshot): TableAt[] =>
  now.held
    .filter(({ backend }) => backend === 'nft')
    .flatMap(({ rules: { family, tables } }) =>
      tables
        .filter(({ name }) => !rulesOf(before, family, 'nft').tables.some((table) => table.name === name))
        .map(({ name }) => ({ family, table: name })),
    );

/** The snapshot after empty tables were taken away. */
const withoutTables = (after: Snapshot, emptied: readonly TableAt[], left: readonly TableAt[]): Snapshot => ({
  ...after,
  held: after.held.map(({ backend, rules }) => {
    const at = (list: readonly TableAt[], name: TableName) =>
      list.some(({ family, table }) => family === rules.family && table === name);
    const gone = (name: TableName) => backend === 'nft' && at(emptied, name) && !at(left, name);
    return { backend, rules: { ...rules, tables: rules.tables.filter(({ name }) => !gone(name)) } };
  }),
});
