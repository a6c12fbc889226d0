import type { Outcome } from '../trace/index.ts';
import { goAlong, type RoutedArrival, refuseMartian, refuseSource, routeOfArrival } from '../trace/parts.ts';
import type { Inquiry } from './ask.ts';
import { type Edge, NONE } from './diagram.ts';
import { unknown } from './end.ts';
import { endOfOutcome, outcomeKey } from './ending.ts';
import { Flow } from './flow.ts';
import { kept } from './kept.ts';
import type { Workshop } from './tables.ts';

/** Packets from elsewhere after their routing decision. */
export interface Routes {
  readonly local: Flow;
  readonly elsewhere: Flow;
}

/**
 * The routing decision for packets from elsewhere, question by question as `arrivalRoute` of trace asks them: each is asked of
 * what the one before has let through, so that sources are not tried out with every destination.
 */
export function arrivalRoutes(shop: Workshop, flow: Flow): Routes {
  const { diagram, asking, ends, valid } = shop;
  const routes = { local: new Flow(diagram), elsewhere: new Flow(diagram) };
  for (const { environment, when } of flow) {
    const refuse = (outcome: Parameters<typeof endOfOutcome>[0], set: Edge): void =>
      ends.add(endOfOutcome(outcome), diagram.and(when, set));
    let left = NONE;
    for (const { result, when: set } of asking.split(environment, valid, MARTIAN)) {
      if (result) refuse(result, set);
      else left = diagram.or(left, set);
    }
    for (const { result: routed, when: way } of asking.split(environment, left, ROUTE)) {
      if (routed.kind === 'group') {
        ends.add(unknown('whether anybody here has joined the group is not known', 'group'), diagram.and(when, way));
        continue;
      }
      const { source, along } = kept(FURTHER, routed, () => furtherAlong(routed));
      for (const { result, when: set } of asking.split(environment, way, source)) {
        if (result) {
          refuse(result, set);
          continue;
        }
        for (const { result: next, environment: after, when: these } of asking.split(environment, set, along)) {
          if (typeof next === 'object') refuse(next, these);
          else routes[next].add(after, diagram.and(when, these));
        }
      }
    }
  }
  return routes;
}

const MARTIAN: Inquiry<Outcome | undefined> = { ask: refuseMartian, keyOf: outcomeKey, grain: 'kinds' };
const ROUTE: Inquiry<RoutedArrival> = { ask: routeOfArrival, keyOf: routedKey };

type Way = Exclude<RoutedArrival, { readonly kind: 'group' }>;

/** What is asked of packets whose way is known. */
interface Further {
  readonly source: Inquiry<Outcome | undefined>;
  readonly along: Inquiry<'local' | 'elsewhere' | Outcome>;
}

const FURTHER = new WeakMap<Way, Further>();

const furtherAlong = (way: Way): Further => ({
  source: { ask: (walk) => refuseSource(walk, way), keyOf: outcomeKey },
  along: { ask: (walk) => goAlong(walk, way), keyOf: outcomeKey, grain: 'kinds' },
});

function routedKey(routed: RoutedArrival): string {
  switch (routed.kind) {
    case 'device':
      // The default route is only supposed to be there where no routes are known: a packet that takes it leaves by any interface.
      return `${routed.device} ${routed.gateway ?? ''} ${routed.table ?? ''} ${routed.route?.length === 0}`;
    case 'local':
      return `local ${routed.table}`;
    default:
      return routed.kind;
  }
}
