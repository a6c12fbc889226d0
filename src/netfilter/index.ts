export type { KernelAccount, KernelEvent, PacketFilter, SeenPacket } from './account.ts';
export { clockAt, inKernelZone, timeOfDayWord } from './clock.ts';
export { parsePortWord, parseUint32, quoted } from './codec.ts';
export { contentOf, saysTheSame } from './content.ts';
export {
  type AddressRange,
  type Assignment,
  type Bits,
  bitsOf,
  CONTINUE,
  type Effect,
  type FieldBits,
  inNetwork,
  type Network,
  spanOf,
} from './effect.ts';
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
  ECN_FLAGS,
  FIELDS,
  type Field,
  type FieldName,
  field,
  fieldWidth,
  formatField,
  IPV6_HEADERS,
  type NameField,
  PACKET_TYPE,
  SOCKET_LOOKUP,
  TCP_FLAGS,
  type ValueField,
  WAY_BACK,
} from './fields.ts';
export { icmpType } from './icmp-type.ts';
export { type Dimension, type IpSet, type IpSets, SET_TYPES, type SetEntry, type SetPart } from './ipset.ts';
export type { ListedUse } from './listed.ts';
export { macAddress } from './mac-address.ts';
export { dscpClass } from './match/dscp.ts';
export { type Condition, conditionsOf, effectOf, predicateOf, readConditions, together } from './meaning.ts';
export {
  asksFor,
  asksMeta,
  CLOCK_KEYS,
  isAnonymous,
  isFollowed,
  isNftRule,
  isSameTable,
  type Mixed,
  mixed,
  NFT_FAMILIES,
  NFT_WORDS,
  type NftAddressFamily,
  type NftChain,
  type NftComparison,
  type NftElement,
  type NftExpression,
  type NftFamily,
  type NftFlowtable,
  type NftHook,
  type NftLimit,
  type NftNat,
  type NftObject,
  type NftOpaque,
  type NftOperator,
  type NftQuota,
  type NftRule,
  type NftSet,
  type NftSetExpression,
  type NftStatement,
  type NftTable,
  type NftType,
  type NftValue,
  type NftVerdict,
  seesFamily,
  withNft,
} from './nft/index.ts';
export {
  type Act as NftAct,
  actsOf,
  anyOf,
  contextOf,
  type NftContext,
  type NftMachine,
  nftNeedsConntrack,
  nftSymbols,
} from './nft/meaning/index.ts';
export { copyOf, type LivePacket, makePacket, type Packet } from './packet.ts';
export { PATH, STAGES, type Stage, type Stop, type StopName, withoutNat } from './path.ts';
export {
  ALWAYS,
  type Answer,
  all,
  compile,
  eachLeaf,
  eachPart,
  type Leaf,
  type Predicate,
  type Test,
} from './predicate.ts';
export { ICMP, ICMPV6, PORTED, protocolName, protocolNumber, SCTP, TCP, UDP, UDPLITE } from './protocol.ts';
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
  type Policy,
  type Rule,
  type RuleSet,
  TABLES,
  type Table,
  type TableName,
  type TargetUse,
  tableOf,
  type Unshown,
} from './rules.ts';
export { servicePort } from './service.ts';
export {
  type Backend,
  type Clocks,
  type HeldRules,
  heldFor,
  type Interface,
  type InterfaceAddress,
  isShownWhole,
  type Listener,
  type ReversePath,
  ROUTE_KINDS,
  type Route,
  type RoutingRule,
  rulesRead,
  type Snapshot,
  type Sysctls,
  UNREAD,
  type Unread,
} from './snapshot.ts';
