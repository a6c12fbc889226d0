import { formatPortRange, parsePortRange } from '../address/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { escapeControl } from '../text/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { portList } from './caught-words.ts';
import type { Interception, RecognisedName } from './interception.ts';
import type { ManifestOptions } from './manifest.ts';
import { joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { inferInterception, recogniseAll } from './recognise.ts';
import { RequestRefused } from './refused.ts';

/** How many ports an annotation is made to list one by one, where it takes no ranges. */
const MOST = 100;

/** Ports that Istio's injector excludes by itself: metrics, readiness, merged status. Source: interception-rules 6. */
const INJECTED: Ports = [
  [15020, 15021],
  [15090, 15090],
];

/** YAML with the mesh's own annotation for inbound ports that are to be left alone. */
export function annotationsFor(
  request: BypassRequest,
  { snapshot, unread, proved }: Pick<ManifestOptions, 'snapshot' | 'unread' | 'proved'>,
): readonly string[] {
  const [found] = snapshot ? recogniseAll(snapshot, request.now).map((one) => one.dialect) : [];
  const dialect = found ?? 'istio';
  const { about, annotations } = spoken(dialect, request, snapshot && inferInterception(snapshot));
  return [
    `# ${about}'s own way to let tcp ${portList(request.ports)} pass its proxy by.`,
    ...(found ? [] : [`# The mesh is taken to be Istio: ${why(snapshot, unread)}.`]),
    ...(snapshot && proved !== undefined
      ? [`# Proof, with the rules of ${escapeControl(snapshot.origin)}: ${proved}.`]
      : ['# Not proved: --from FILE or --pid PID shows the rules of a pod.']),
    '# A part of the pod template (spec.template of a workload); it counts when the pods are made anew.',
    '# An annotation of the same name is replaced: join the lists if there is one.',
    'metadata:',
    '  annotations:',
    ...annotations.flatMap(({ why, name, value }) => [
      ...(why === undefined ? [] : [`    # ${why}`]),
      `    ${name}: ${JSON.stringify(value)}`,
    ]),
  ];
}

const why = (snapshot: Snapshot | undefined, unread: string | undefined): string =>
  snapshot
    ? `nothing is intercepted in ${escapeControl(snapshot.origin)}`
    : unread === undefined
      ? 'no rules of a mesh were shown'
      : 'the rules here could not be read';

/** Whether the rules are those of a mesh that has such an annotation. */
export const namesMesh = (snapshot: Snapshot, now: number): boolean => {
  const [first] = recogniseAll(snapshot, now);
  return first !== undefined && ['istio', 'istio-2018', 'linkerd', 'kuma', 'consul'].includes(first.dialect);
};

interface Annotation {
  readonly name: string;
  readonly value: string;
  readonly why?: string;
}

function spoken(
  dialect: RecognisedName,
  { ports }: BypassRequest,
  now: Interception | undefined,
): { about: string; annotations: readonly Annotation[] } {
  switch (dialect) {
    case 'istio':
    case 'istio-nft':
    case 'istio-2018':
      return { about: 'Istio', annotations: ofIstio(ports, now) };
    case 'linkerd': {
      const value = ports.map((range) => formatPortRange(range, '-')).join(',');
      return { about: 'Linkerd', annotations: [{ name: 'config.linkerd.io/skip-inbound-ports', value }] };
    }
    case 'kuma': {
      const value = oneByOne(ports, 'Kuma').join(',');
      return { about: 'Kuma', annotations: [{ name: 'traffic.kuma.io/exclude-inbound-ports', value }] };
    }
    case 'consul': {
      const value = oneByOne(ports, 'Consul').join(',');
      const name = 'consul.hashicorp.com/transparent-proxy-exclude-inbound-ports';
      return { about: 'Consul', annotations: [{ name, value }] };
    }
    default: {
      const expected = 'rules of Istio, Linkerd, Kuma or Consul';
      const cause = 'Sidestep knows no annotation for others: --manifest init-container works with any.';
      throw new RequestRefused([{ about: '--manifest annotation', value: dialect, expected, cause }]);
    }
  }
}

/** With a list of included ports Istio does not look at the excluded ones: then the list is what has to change. */
function ofIstio(ports: Ports, now: Interception | undefined): readonly Annotation[] {
  const name = (direction: string): string => `traffic.sidecar.istio.io/${direction}InboundPorts`;
  const today = joinedPorts(...(now?.inbound.exclude ?? []).map((word) => rangeOf(word)));
  const excluded: Annotation = {
    name: name('exclude'),
    value: oneByOne(joinedPorts(withoutPorts(today, INJECTED), ports), 'Istio').join(','),
    ...(today.length > 0
      ? { why: `Of the ports that are left out today, those that Istio does not add itself are kept.` }
      : {}),
  };
  const include = now?.inbound.include ?? '*';
  if (include === '*') return [excluded];
  const left = withoutPorts(joinedPorts(...include.map((word) => rangeOf(word))), ports);
  const why = 'These pods list the ports that are intercepted. Beside a list, excluded ports are not looked at.';
  return [{ name: name('include'), value: oneByOne(left, 'Istio').join(','), why }, excluded];
}

const rangeOf = (word: string): Ports => {
  const range = parsePortRange(word);
  return range ? [range] : [];
};

/** Annotations that take no ranges list every port. */
function oneByOne(ports: Ports, mesh: string): readonly number[] {
  const count = ports.reduce((sum, [low, high]) => sum + high - low + 1, 0);
  if (count > MOST) {
    const cause = `${mesh}'s annotation takes single ports only: --manifest init-container takes ranges.`;
    throw new RequestRefused([
      { about: 'ports', value: portList(ports), expected: `at most ${MOST} ports in an annotation`, cause },
    ]);
  }
  return ports.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, index) => low + index));
}
