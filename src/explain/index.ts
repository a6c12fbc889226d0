export { askedWords } from './asked.ts';
export { type Catching, catchesExactly, proveCatching, type Strayed } from './catching.ts';
export { catchingBlocks } from './catching-screen.ts';
export { type ChainOptions, chainsTable, type RuleNote } from './chains.ts';
export { changeSummary, changesTable, type RuleChange, ruleChanges } from './change.ts';
export { type BypassTold, type ChangeTold, changeDocument, programDocument, routingWords } from './change-document.ts';
export { type ChangeShown, changeScreen } from './change-screen.ts';
export { type Chosen, placed } from './choice.ts';
export { type Compared, compareAsWritten } from './compare.ts';
export { comparePackets } from './compare-packets.ts';
export { conditionWords, NAMELESS, type Naming, say } from './condition.ts';
export { connectionScreen, connectionTable } from './connection.ts';
export { connectionDocument } from './connection-document.ts';
export { decidingStep } from './deciding.ts';
export { type DifferenceTold, differenceScreen, isDifferent } from './difference.ts';
export { differenceDocument, endDocument } from './difference-document.ts';
export { walkDot } from './dot.ts';
export { meaningOf, portRangesIn, withDrift } from './drift-meaning.ts';
export { fromHere, toHere } from './here.ts';
export { layOut, plainText, textOf } from './layout.ts';
export { type ListingOptions, listingScreen } from './listing.ts';
export { bypassDocument, inboundPortOf, listingDocument } from './listing-document.ts';
export { passedScreen, passedSummary } from './live.ts';
export { liveDocument } from './live-document.ts';
export { type MendPlace, mendsOf, takenAway } from './mend.ts';
export { isTurned, type Moved, movedBetween } from './moved.ts';
export { type Next, nextAfter, nextBlock } from './next.ts';
export { OUTCOME_WORD, outcomePhrase, questionWords } from './packet.ts';
export { boxWords, directionWords } from './packet-set.ts';
export { coverOf, isAsAsked, planBlocks, planScreen, refusalBy, type Told, toldBlocks } from './plan.ts';
export { planDocument } from './plan-document.ts';
export { type ProbeShown, probeBlocks } from './probe.ts';
export { noticeBlocks, programScreen } from './program.ts';
export { cutsAll, isExact, type Proof, proveBypass, withoutEnd } from './proof.ts';
export { whyNot } from './reason.ts';
export { withReasons } from './reasons.ts';
export { doneWords, effectWords, type IsProxyPort, ruleWords, stepRuleWords } from './rule.ts';
export type { AuditDocument } from './schema/audit.ts';
export type { ChangeDocument } from './schema/change.ts';
export type { ConnectionDocument } from './schema/connection.ts';
export type { DemoDocument } from './schema/demo.ts';
export type { DifferenceDocument } from './schema/difference.ts';
export type { ListingDocument } from './schema/listing.ts';
export type { LiveDocument } from './schema/live.ts';
export type { PlanDocument } from './schema/plan.ts';
export type { ProgramDocument } from './schema/program.ts';
export type { SnapshotDocument } from './schema/snapshot.ts';
export type { TraceDocument } from './schema/trace.ts';
export type { VerificationDocument } from './schema/verification.ts';
export {
  BLANK,
  type Block,
  bad,
  faint,
  good,
  type Line,
  line,
  name,
  paragraph,
  type Screen,
  type Span,
  span,
  strong,
  type Table,
  type Tone,
  table,
  typed,
  warn,
} from './screen.ts';
export { packetsToSend, type SentWitness, type ToSend, WITNESS_NETWORK, withCard } from './sent-packets.ts';
export { isAsProved, type Sent, type SentPair, sentBlocks } from './sent-screen.ts';
export { bypassNote, cautions, doneLine, expiryWords, namingOf, summaryBlocks, summaryLines } from './summary.ts';
export { outcomeDocument, packetDocument, traceDocument } from './trace-document.ts';
export { type DriftFound, isFaithful, type Verification, verificationScreen } from './verification.ts';
export { nothingFoundDocument, verificationDocument } from './verification-document.ts';
export { outcomeTable, type WalkOptions, walkScreen } from './walk.ts';
export { type Check, checkBypass, type Witness } from './witnesses.ts';
export {
  clock,
  count,
  duration,
  endpoint,
  familyWord,
  listed,
  portWord,
  prefixWord,
  purposeOf,
  shellWord,
} from './words.ts';
