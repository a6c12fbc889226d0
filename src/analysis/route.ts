import { goAlong, type RoutedArrival, refuseMartian, refuseSource, routeOfArrival } from '../trace/parts.ts';
import { type Edge, NONE } from './diagram.ts';
import { unknown } from './end.ts';
import { endOfOutcome, outcomeKey } from './ending.ts';
import { Flow } from './flow.ts';
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
    for (const { result, when: set } of asking.split(environment, valid, refuseMartian, outcomeKey, 'kinds')) {
      if (result) refuse(result, set);
      else left = diagram.or(left, set);
    }
    for (const { result: routed, when: way } of asking.split(environment, left, routeOfArrival, routedKey)) {
      if (routed.kind === 'group') {
        ends.add(unknown('whether anybody here has joined the group is not known'), diagram.and(when, way));
        continue;
      }
      for (const { result, when: set } of asking.split(
        environment,
        way,
        (walk) => refuseSource(walk, routed),
        outcomeKey,
      )) {
        if (result) {
          refuse(result, set);
          continue;
        }
        const gone = asking.split(environment, set, (walk) => goAlong(walk, routed), outcomeKey, 'kinds');
        for (const { result: next, environment: after, when: these } of gone) {
          if (typeof next === 'object') refuse(next, these);
          else routes[next].add(after, diagram.and(when, these));
        }
      }
    }
  }
  return routes;
}

function routedKey(routed: RoutedArrival): string {
  switch (routed.kind) {
    case 'device':
      return `${routed.device} ${routed.gateway ?? ''} ${routed.table ?? ''}`;
    case 'local':
      return `local ${routed.table}`;
    default:
      return routed.kind;
  }
}
