/**
 * The walk in parts, for who takes it with all packets at once: what does not follow from rules is asked of these, with one
 * packet for all that the kernel treats alike.
 */
export { addressType } from './address-type.ts';
export { attach, CONNECTION_ENDS, lookUpSocket } from './arrival.ts';
export { FROM_LOOPBACK } from './conditions.ts';
export { firstState } from './conntrack.ts';
export { contentsOfChain, onlyCounts } from './contents.ts';
export { SYN_LENGTH, USUAL_HOPS } from './defaults.ts';
export { ignoredBecause, type Verdict } from './effects.ts';
export { type Taken, takerOf } from './ends.ts';
export { give } from './handover.ts';
export {
  ASSUMED,
  find,
  type Host,
  hasAddress,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isOwn,
  LOOPBACK,
  scopeOf,
  sourceTowards,
} from './host.ts';
export { type NamePattern, namesFor } from './interfaces.ts';
export { LOOKED_UP, ROUTED_FIELDS } from './looked-up.ts';
export { type Mapped as MappedTo, mappingOf, mapsDestination, natSilence } from './nat.ts';
export { begin, ownAddress, ownEnd } from './once.ts';
export { type Asked, isIdle, type Planned, type PlannedTable } from './plan.ts';
export type { CompiledAct, CompiledChain, CompiledRule, Program } from './program.ts';
export { chainsAt, effectsOf, predicatesOf, targetsOf } from './reached.ts';
export {
  departureRoute,
  goAlong,
  neverTaken,
  type RoutedArrival,
  refuseMartian,
  refuseSource,
  reroute,
  routeOfArrival,
} from './routing.ts';
export { idOf } from './settle.ts';
export { listenerName } from './sockets.ts';
export { type Ground, nameOf, type Walk } from './state.ts';
export { besideEachOther, natsOf, notFollowed, steers } from './table.ts';
export { type Grounds, grounds } from './trace.ts';
export { enter } from './walk.ts';
