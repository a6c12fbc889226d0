import type { Audited } from '../audited.ts';
import type { Finding } from '../finding.ts';

/** A kind of finding: a file of its own here, and a line in index.ts. */
export interface Kind {
  /** As scripts know it: `family-open`. */
  readonly name: string;
  /** What is the matter with it, in one sentence, whoever has it. */
  readonly about: string;
  /** Looks for it. */
  look(audited: Audited): readonly Finding[];
}
