export { quoted } from './codec.ts';
export type { AddressRange, Assignment, Effect } from './effect.ts';
export {
  type Codec,
  type Extension,
  type MatchExtension,
  type MeaningContext,
  type Option,
  type OptionTable,
  optionsOf,
  type Places,
  type RuleContext,
  type TargetExtension,
} from './extension.ts';
export {
  ADDRESS_TYPE,
  CTSTATE,
  CTSTATUS,
  type CtState,
  FIELDS,
  type Field,
  type FieldName,
  field,
  fieldWidth,
  formatField,
  type NameField,
  SOCKET_LOOKUP,
  TCP_FLAGS,
  type ValueField,
} from './fields.ts';
export { type Condition, conditionsOf, effectOf, predicateOf } from './meaning.ts';
export { makePacket, type Packet } from './packet.ts';
export { PATH, STAGES, type Stage, type Stop, type StopName, withoutNat } from './path.ts';
export { type Answer, compile, type Predicate, type Test } from './predicate.ts';
export { ICMP, ICMPV6, protocolName, protocolNumber, TCP, UDP } from './protocol.ts';
export { allMatches, allTargets, findMatch, findTarget } from './registry.ts';
export {
  BUILT_IN,
  type Chain,
  type Counters,
  chainOf,
  emptyRuleSet,
  type Header,
  type HookName,
  isBuiltIn,
  isTableName,
  type MatchUse,
  type Negatable,
  type OpaqueUse,
  type Origin,
  type Policy,
  type Rule,
  type RuleSet,
  TABLES,
  type Table,
  type TableName,
  type TargetUse,
  tableOf,
} from './rules.ts';
export {
  type Backend,
  type HeldRules,
  heldFor,
  type Interface,
  type InterfaceAddress,
  type Listener,
  type Route,
  type RoutingRule,
  type Snapshot,
  type Sysctls,
  type Unread,
} from './snapshot.ts';
