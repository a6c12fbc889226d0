export { type Diagnostic, escapeControl, formatDiagnostic, InputRefused } from './diagnostic.ts';
export { printRule, sameRule } from './print-rule.ts';
export { type PrintOptions, printSave } from './print-save.ts';
export { readInput } from './read-input.ts';
export { parseRule, type RulePlace } from './read-rule.ts';
export { parseSave } from './read-save.ts';
export type { ReadOptions } from './reading.ts';
export { restoreScript } from './restore.ts';
export { parseSnapshot, printSnapshot, SNAPSHOT_SCHEMA } from './snapshot.ts';
