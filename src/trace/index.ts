export { listenerName } from './ends.ts';
export { parseQuestion, QuestionRefused } from './question.ts';
export type { Direction, Endpoint, Outcome, Question, RuleStep, Step, Trace } from './result.ts';
export { prepare, prepareOutcome, trace } from './trace.ts';
