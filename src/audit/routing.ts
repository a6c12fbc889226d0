import { type Family, parsePrefix } from '../address/index.ts';
import { outcomePhrase } from '../explain/index.ts';
import { type RoutingChange, routeMadeBy, routingAfter, ruleMadeBy } from '../interception/index.ts';
import type { Interface, Route, RoutingRule, Snapshot } from '../netfilter/index.ts';
import { prepare } from '../trace/index.ts';
import { type Audited, exampleOf, exampleWords } from './audited.ts';
import type { Example } from './finding.ts';
import { movedExample, type Shown } from './shown.ts';

/**
 * Of all packets of a family one that goes elsewhere than it would if the routing were as the mesh has it; where there is none, one that
 * is given the mark for which that routing is.
 */
export function shownByRouting(audited: Audited, family: Family): Shown | undefined {
  const { snapshot, written, proxyPorts } = audited;
  if (!written) return undefined;
  const mended = withRouting(snapshot, routingAfter(snapshot, written.program));
  const moved = movedExample(audited, mended, family);
  const example = moved ?? exampleOf(audited, family, isMarked);
  if (!example) return undefined;
  const should = outcomePhrase(prepare(mended, proxyPorts)(example.question).outcome);
  const goes = `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;
  const words = moved ? `${goes}, and with the routing as it should be → ${should}` : `${goes}, with it and without`;
  // A mark that a program gives itself is nothing that goes wrong by itself.
  return { example, words, moves: moved !== undefined && !moved.question.packet.mark };
}

const isMarked = ({ trace: { steps } }: Example): boolean =>
  steps.some(
    (step) =>
      step.kind === 'rule' &&
      step.answer === 'matched' &&
      (step.effect?.kind === 'tproxy' ||
        (step.effect?.kind === 'continue' && step.effect.assign.some(({ field }) => field === 'mark'))),
  );

/** A snapshot with other routing. */
function withRouting(snapshot: Snapshot, changes: ReturnType<typeof routingAfter>): Snapshot {
  const { routingRules = [], routes = [], interfaces = [] } = snapshot;
  const { add, remove } = changes;
  return {
    ...snapshot,
    routingRules: [...withoutEach(routingRules, remove, isRule), ...add.flatMap(ruleMadeBy)],
    routes: [...withoutEach(routes, remove, isRoute), ...add.flatMap(routeMadeBy)],
    interfaces: add.reduce(withAddress, interfaces),
  };
}

/** One copy is taken away for each change. */
function withoutEach<T>(
  all: readonly T[],
  changes: readonly RoutingChange[],
  is: (one: T, change: RoutingChange) => boolean,
): readonly T[] {
  const left = [...all];
  for (const change of changes) {
    const at = left.findIndex((one) => is(one, change));
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

const isRule = (one: RoutingRule, change: RoutingChange): boolean =>
  change.kind === 'rule' &&
  change.family === one.family &&
  change.table === one.table &&
  change.mark === one.mark?.value;

const isRoute = (one: Route, change: RoutingChange): boolean =>
  change.kind === 'local-route' && change.family === one.family && change.table === one.table && one.kind === 'local';

function withAddress(interfaces: readonly Interface[], change: RoutingChange): readonly Interface[] {
  const prefix = change.kind === 'address' ? parsePrefix(change.prefix) : undefined;
  if (change.kind !== 'address' || !prefix) return interfaces;
  const { family, value } = prefix;
  const own = { family, value, length: 128, secondary: false, scope: 'global' } as const;
  return interfaces.map((one) => (one.name === change.device ? { ...one, addresses: [...one.addresses, own] } : one));
}
