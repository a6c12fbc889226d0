import { FAMILIES, formatPortRange } from '../address/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { escapeControl } from '../text/index.ts';
import { annotationsFor } from './annotations.ts';
import { asDateStop, type BypassRequest, inUtc } from './bypass-request.ts';
import { portList } from './caught-words.ts';
import { recogniseAll } from './recognise.ts';

/** The kinds of Kubernetes YAML: an item of initContainers, the mesh's own annotation, a patch of a whole workload. */
export const MANIFESTS = ['init-container', 'annotation', 'patch'] as const;
export type ManifestKind = (typeof MANIFESTS)[number];

export interface ManifestOptions {
  /** An image that holds sidestep, Node and iptables. */
  readonly image?: string;
  /** The name of the init container. */
  readonly name?: string;
  /** A pod's rules as they are: which mesh it is, its mode, the ports that it leaves out today. Absent: Istio, REDIRECT. */
  readonly snapshot?: Snapshot;
  /** Why there is no snapshot, though one was looked for: the YAML says so. */
  readonly unread?: string;
  /** What is proved of the bypass with the rules of the snapshot, a clause; absent: nothing is. */
  readonly proved?: string;
}

/**
 * Kubernetes YAML that does for a fleet of pods what a bypass does for one. Written out by hand, for its comments' sake;
 * every value that came from outside is quoted.
 *
 * @throws RequestRefused where a mesh's annotation cannot say what is asked for.
 */
export function manifest(kind: ManifestKind, request: BypassRequest, options: ManifestOptions = {}): string {
  switch (kind) {
    case 'init-container':
      return lines(...aboutContainer(request, PLACE, options), ...container(request, options));
    case 'patch':
      return lines(
        ...aboutContainer(request, PATCH, options),
        'spec:',
        '  template:',
        '    spec:',
        '      initContainers:',
        ...container(request, options).map((line) => `        ${line}`),
      );
    case 'annotation':
      return lines(...annotationsFor(request, options));
  }
}

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

const PLACE = [
  'An item of spec.template.spec.initContainers of a workload; of a Pod, of spec.initContainers.',
] as const;

const PATCH = [
  'For a Deployment, StatefulSet or DaemonSet, with this text in bypass.yaml:',
  '  kubectl patch deployment NAME --patch-file bypass.yaml',
  'A second time it changes nothing. To take it back: kubectl rollout undo deployment NAME',
] as const;

const aboutContainer = (
  request: BypassRequest,
  where: readonly string[],
  options: ManifestOptions,
): readonly string[] => {
  const { ports, edit, behind, narrow, until } = request;
  const late = comesAhead(request) ? 'has nothing to do' : 'is refused: take it out by then';
  return [
    `Lets tcp ${portList(ports)} pass the sidecar's proxy by: it reaches the app directly.`,
    ...where,
    ...(comesAhead(request) ? [modeWords(request, options)] : []),
    edit
      ? "Order: behind the mesh's own init container, for it changes the list that the mesh has written."
      : behind
        ? "Order: behind the mesh's own init container, for its rule goes right before the one that catches."
        : narrow
          ? "Order: behind the mesh's own init container: before it, nothing tells which rules let own calls pass and nothing else."
          : "Order: before or behind the mesh's own init container, as you like. Its rule goes to the top, the mesh's to the end.",
    proofWords(options),
    ...IN_THE_POD,
    ...(comesAhead(request) ? [BEFORE_THE_MESH] : []),
    ...(until === undefined ? [] : [`End: ${inUtc(until)}, by the kernel. In a pod that starts later it ${late}.`]),
    'Restarts: it may run any number of times, a run that finds its rule changes nothing.',
  ].map((line) => `# ${line}`);
};

/** Whether the container may run before the mesh's own. */
const comesAhead = ({ edit, behind, narrow }: BypassRequest): boolean => !edit && !behind && !narrow;

/** What is proved here, of which rules; or why nothing is. */
function proofWords({ snapshot, unread, proved }: ManifestOptions): string {
  if (proved !== undefined && snapshot) return `Proof, with the rules of ${escapeControl(snapshot.origin)}: ${proved}.`;
  const why = snapshot
    ? `nothing is intercepted in ${escapeControl(snapshot.origin)}`
    : unread === undefined
      ? 'no rules of a mesh were shown'
      : 'the rules here could not be read';
  return `Not proved: ${why}. --from FILE or --pid PID shows those of a pod.`;
}

const IN_THE_POD = [
  'In the pod it is proved of the rules that are there then. Where anything else would change, the container changes',
  '  nothing and ends with 1: the pod does not start.',
] as const;

const BEFORE_THE_MESH = "  Before the mesh's own init container none of the mesh's rules are there to prove it of.";

/** How inbound tcp is caught in a snapshot; undefined where it is not. */
export function modeIn(snapshot: Snapshot, now: number): 'REDIRECT' | 'TPROXY' | undefined {
  const modes = recogniseAll(snapshot, now).map(({ mode }) => mode);
  return (['TPROXY', 'REDIRECT'] as const).find((mode) => modes.includes(mode));
}

/** The mode that the command names: as asked for, as in the pod that was shown, or the usual one. */
const modeOf = ({ ahead, now }: BypassRequest, { snapshot }: ManifestOptions): 'REDIRECT' | 'TPROXY' =>
  ahead ?? (snapshot && modeIn(snapshot, now)) ?? 'REDIRECT';

function modeWords(request: BypassRequest, options: ManifestOptions): string {
  const { snapshot, unread } = options;
  const mode = modeOf(request, options);
  if (request.ahead) return `Mode: ${mode}, as asked for.`;
  if (unread !== undefined)
    return `Mode: ${mode}, the default: the rules here could not be read. For another: --ahead TPROXY`;
  if (!snapshot) return `Mode: ${mode}, the default. For another: --ahead TPROXY`;
  const origin = escapeControl(snapshot.origin);
  return modeIn(snapshot, request.now) === undefined
    ? `Mode: ${mode}, the default: nothing is intercepted in ${origin}. For another: --ahead TPROXY`
    : `Mode: ${mode}, as in ${origin}.`;
}

function container(request: BypassRequest, options: ManifestOptions): readonly string[] {
  const { image, name } = options;
  return [
    `- name: ${quoted(name ?? 'sidestep-bypass')}`,
    '  # Any image that holds sidestep, Node and iptables.',
    `  image: ${quoted(image ?? 'sidestep:latest')}`,
    `  command: [${commandOf(request, options).map(quoted).join(', ')}]`,
    '  securityContext:',
    '    runAsUser: 0',
    '    runAsGroup: 0',
    '    runAsNonRoot: false',
    '    privileged: false',
    '    allowPrivilegeEscalation: false',
    '    capabilities:',
    '      # NET_ADMIN changes the rules of this pod alone. NET_RAW: iptables-legacy reads them through a raw socket.',
    '      add: ["NET_ADMIN", "NET_RAW"]',
    '      drop: ["ALL"]',
  ];
}

/** The command as it runs in the pod, where the mesh may not have come yet. */
function commandOf(request: BypassRequest, options: ManifestOptions): readonly string[] {
  const { ports, self, edit, until, families = FAMILIES } = request;
  const [family] = families;
  return [
    'sidestep',
    'bypass',
    ...ports.map((range) => formatPortRange(range, '-')),
    '--apply',
    ...(comesAhead(request) ? ['--ahead', modeOf(request, options)] : []),
    ...(edit ? ['--edit'] : []),
    ...(self ? ['--self'] : []),
    ...(families.length === 1 && family ? ['--family', family] : []),
    ...(until === undefined ? [] : ['--until', `${asDateStop(until)}Z`]),
  ];
}

/** A string as YAML takes it in any place: JSON's form is YAML's double-quoted one. */
const quoted = (text: string): string => JSON.stringify(text);
