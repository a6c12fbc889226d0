export { namesMesh } from './annotations.ts';
export { asWritten } from './as-written.ts';
export { afterBypass, type BypassPlan, bypassed, planBypass } from './bypass.ts';
export { idleBypasses } from './bypass-idle.ts';
export { notCoveredByUndo } from './bypass-notes.ts';
export type { Unchanged } from './bypass-reasons.ts';
export { type BypassRequest, checkRequest, inUtc, isOver, leewayOf, namedPorts, parsePorts } from './bypass-request.ts';
export { unbypassed, withoutExpired } from './bypass-undo.ts';
export { voidIn } from './bypass-void.ts';
export { type Bypass, bypassesIn } from './bypasses.ts';
export { problemsOf } from './check.ts';
export { commented } from './commented.ts';
export { defaultInterception } from './defaults.ts';
export { dialectOf, dialects } from './dialects.ts';
export { compareRules, type Drift } from './drift.ts';
export { heldAfter } from './held-after.ts';
export { virtualInterfaces } from './intercepted.ts';
export type {
  Caught,
  Command,
  Dialect,
  DialectName,
  Include,
  Interception,
  Mode,
  NativeTable,
  Notice,
  Program,
  ProxyIdentity,
  RecognisedName,
  Recognition,
  RoutingChange,
} from './interception.ts';
export { type Diverted, type Interference, interferenceIn, isFollowed } from './interference.ts';
export { fromIstioFlags, type IstioRequest } from './istio-flags.ts';
export type { IstioOptions } from './istio-request.ts';
export type { Machine } from './machine.ts';
export { MANIFESTS, type ManifestKind, type ManifestOptions, manifest, modeIn } from './manifest.ts';
export { nativeAfter } from './native-edit.ts';
export { isIstioTable, istioTables, nativeOf, nativeSets, withNativeSets } from './native-sets.ts';
export { nativeModel, nativeText, tableText } from './native-text.ts';
export { type NativeWish, nativeWishes } from './native-wishes.ts';
export { nearest } from './nearest.ts';
export { isOwnChain, type Ownership, ownership, type Placement } from './own.ts';
export { withoutPorts } from './port-sets.ts';
export { prefixesOf } from './prefixes.ts';
export { cleaned, programmed } from './programmed.ts';
export { isIntercepted, proxyPortsOf } from './proxy-ports.ts';
export { inferInterception, interceptionOf, recognise, recogniseAll } from './recognise.ts';
export { type Problem, RequestRefused } from './refused.ts';
export {
  type RoutingChanges,
  type RoutingState,
  routeMadeBy,
  routingAfter,
  routingWithin,
  ruleMadeBy,
} from './routing.ts';
export { changesBetween, type RuleChange } from './rule-changes.ts';
export { familyOfWord } from './side.ts';
export { type Summary, type SummaryLine, summarise } from './summary.ts';
export type { World } from './world.ts';
