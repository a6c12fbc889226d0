export { type Passed, prepareBeside, type Sides, type Simulated } from './beside.ts';
export { type Conversation, type ConversationOutcome, prepareConversation, type Turn } from './conversation.ts';
export { EVERY_PACKET, parseFilter } from './filter.ts';
export { parseQuestion, QuestionRefused } from './question.ts';
export type { Direction, End, Endpoint, Outcome, Question, RuleStep, Step, Trace } from './result.ts';
export { NOBODY } from './result.ts';
export { listenerName } from './sockets.ts';
export { type Company, prepare, prepareEnd, prepareOutcome, prepareWalk, trace } from './trace.ts';
export type { Witness } from './witness.ts';
