export { type ChainOptions, chainsTable, type RuleNote } from './chains.ts';
export { changeSummary, changesTable, nothingScreen, type RuleChange, ruleChanges } from './change.ts';
export { conditionWords, NAMELESS, type Naming, say } from './condition.ts';
export { packetDocument, traceDocument } from './documents.ts';
export { walkDot } from './dot.ts';
export { layOut, plainText, textOf } from './layout.ts';
export { type Next, nextAfter } from './next.ts';
export { OUTCOME_WORD, outcomePhrase, questionWords } from './packet.ts';
export { whyNot } from './reason.ts';
export { doneWords, effectWords, type IsProxyPort, ruleWords } from './rule.ts';
export type { ListingDocument, TraceDocument } from './schema.ts';
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
  warn,
} from './screen.ts';
export { outcomeRow, type WalkOptions, walkScreen } from './walk.ts';
export { clock, count, duration, endpoint, familyWord, listed, portWord, prefixWord, purposeOf } from './words.ts';
