import type { Family } from '../address/index.ts';
import type { RulePlace } from '../analysis/index.ts';
import type { Question, Trace } from '../trace/index.ts';

/** How bad a finding is, the least first. */
export const LEVELS = ['info', 'medium', 'high'] as const;
export type Level = (typeof LEVELS)[number];

export const isAtLeast = (level: Level, least: Level): boolean => LEVELS.indexOf(level) >= LEVELS.indexOf(least);

/** A rule, by where it stands. */
export interface PlacedRule extends RulePlace {
  readonly family: Family;
  /** The line of the text that it was read from, from 1. */
  readonly line?: number;
}

/** Something that ought to be known of the rules. */
export interface Finding {
  readonly level: Level;
  /** The family that it is about; undefined where it is about both, or neither. */
  readonly family?: Family;
  /** What it is, in a sentence or two. */
  readonly says: string;
  /** One packet that shows it, followed to its end. */
  readonly example?: Example;
  /** The rules that bring it about; where it is the want of one, that which does it elsewhere, if there is such. */
  readonly rules: readonly PlacedRule[];
  /** How to mend it: commands, or a sentence. */
  readonly mend?: string;
}

/** A packet, and what becomes of it. */
export interface Example {
  readonly question: Question;
  readonly trace: Trace;
}
