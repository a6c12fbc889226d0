import { isExact, listed } from '../explain/index.ts';
import {
  afterBypass,
  type BypassRequest,
  checkRequest,
  isIntercepted,
  type ManifestKind,
  manifest,
  modeIn,
  namesMesh,
  planBypass,
} from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { sayNotices } from './apply.ts';
import type { BypassOptions } from './bypass-options.ts';
import { exitOf, type Planned, planned, sayDoubts, toldOf } from './bypass-told.ts';
import type { Call } from './command.ts';
import { readSource } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';

/** YAML for a fleet. The rules that are named, or those of this namespace, show which mesh it is and in which mode. */
export async function printManifest(
  kind: ManifestKind,
  request: BypassRequest,
  { options, terminal }: Call<BypassOptions>,
): Promise<ExitStatus> {
  const { image, ahead } = options;
  const { snapshot, unread } = await shown(kind, request, { options, terminal });
  if (unread !== undefined) {
    const message = `could not be read, so the default is taken; --from FILE or --pid PID shows those of a pod (${unread})`;
    await sayNotices([{ about: 'the rules of this network namespace', message }], terminal);
  }
  if (ahead && kind !== 'annotation' && snapshot) {
    const mode = modeIn(snapshot, request.now);
    if (mode !== undefined && mode !== ahead) {
      const message = `${ahead} is written as asked for, but ${snapshot.origin} intercepts by ${mode}`;
      await sayNotices([{ about: '--ahead', message }], terminal);
    }
  }
  const { ahead: _, ...now } = request;
  checkRequest(now);
  const made = snapshot && isIntercepted(snapshot) ? plannedAs(kind, snapshot, now) : undefined;
  // Where only a rule that the mesh's own tell of does it, the container comes behind the mesh's.
  const { behind, narrow } = made?.plan.request ?? {};
  const plan =
    kind === 'annotation' ? request : { ...request, ...(behind ? { behind } : {}), ...(narrow ? { narrow } : {}) };
  const yaml = manifest(kind, plan, {
    ...(image ? { image } : {}),
    ...(snapshot ? { snapshot } : {}),
    ...(unread === undefined ? {} : { unread }),
    ...(made ? { proved: provedWords(made) } : {}),
  });
  if (made) await sayDoubts(made, NO_YAML[kind], terminal);
  if (made?.told.refused === undefined) terminal.write(yaml);
  return made ? exitOf(made.told) : EXIT.done;
}

const NO_YAML: Readonly<Record<ManifestKind, string>> = {
  'init-container': 'No YAML is printed, for in such a pod the container refuses to do it',
  patch: 'No YAML is printed, for in such a pod the container refuses to do it',
  annotation: 'No annotation is printed',
};

/** The bypass as the container makes it in such a pod; an annotation changes the mesh's own list and nothing instead of it. */
function plannedAs(kind: ManifestKind, snapshot: Snapshot, request: BypassRequest): Planned {
  if (kind !== 'annotation') return planned(snapshot, request);
  const own = { ...request, edit: true };
  const plan = planBypass(snapshot, own);
  return { plan, told: toldOf(snapshot, afterBypass(snapshot, plan), own) };
}

/** What is proved, as a clause. */
function provedWords({ plan, told: { proof } }: Planned): string {
  if (plan.changes.length === 0) return 'there is nothing to do';
  if (proof.left.length > 0) return 'some of these connections still go to the proxy';
  return isExact(proof)
    ? 'exactly these connections change, and nothing else does'
    : `not known of some packets, because ${listed([...new Set(proof.open)])}`;
}

interface Shown {
  readonly snapshot?: Snapshot;
  /** Why they could not be read. */
  readonly unread?: string;
}

/**
 * The rules that tell what is intercepted: those that were named, else this namespace's. Nobody needs rights, iptables or
 * Linux for YAML: what was not named may stay unread.
 */
async function shown(
  kind: ManifestKind,
  request: BypassRequest,
  { options, terminal }: Pick<Call<BypassOptions>, 'options' | 'terminal'>,
): Promise<Shown> {
  // The family says which bypass is wanted. Only of a file it also says whose rules they are.
  const { family: _, ...anyFamily } = options;
  const { from, netns, pid, container } = options;
  if (from !== undefined) return { snapshot: await readSource(options, terminal) };
  if ([netns, pid, container].some((source) => source !== undefined))
    return { snapshot: await readSource(anyFamily, terminal) };
  if (options.ahead && kind !== 'annotation') return {};
  try {
    const snapshot = await readSource(anyFamily, terminal);
    // A machine that only happens to redirect something is no pod of a mesh.
    return kind === 'annotation' && !namesMesh(snapshot, request.now) ? {} : { snapshot };
  } catch (error) {
    if (isMissingHere(error)) return { unread: (error as Error).message.split('\n')[0] ?? '' };
    throw error;
  }
}

/** Not permitted, no iptables, no Linux, no koffi. */
function isMissingHere(error: unknown): boolean {
  const { name, exitStatus, code } = error as { name?: string; exitStatus?: number; code?: string };
  return exitStatus === EXIT.notPermitted || name === 'NotHere' || code === 'ERR_MODULE_NOT_FOUND';
}
