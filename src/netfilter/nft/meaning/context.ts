import type { Family } from '../../../address/index.ts';
import type { NftSet } from '../object.ts';
import type { NftTable } from '../table.ts';

/** What is known of the machine that holds the rules. */
export interface NftMachine {
  /** Times of day and dates are in UTC. Undefined: of whoever listed them, which is not known. */
  readonly zone?: 'UTC' | undefined;
  /** The interfaces and their indices. Undefined: not read. */
  readonly devices?: ReadonlyMap<string, number> | undefined;
}

/** What a statement's meaning hangs on besides itself. */
export interface NftContext extends NftMachine {
  /** The packet's family: the rules of an inet table are read once for each. */
  readonly family: Family;
  readonly sets: ReadonlyMap<string, NftSet>;
  /** Sets that rules of the table write into while packets pass. */
  readonly written: ReadonlySet<string>;
  /** A number for everything that the kernel chooses within one rule. */
  readonly next: () => number;
}

/** What all rules of a table share, for packets of one family. */
export function contextOf(table: NftTable, family: Family, machine: NftMachine = {}): NftContext {
  const written = new Set<string>();
  for (const { rules } of table.chains) {
    for (const { statements } of rules) {
      for (const statement of statements) if (statement.kind === 'set') written.add(statement.set.replace(/^@/, ''));
    }
  }
  let count = 0;
  return {
    family,
    ...machine,
    sets: new Map(table.sets.map((set) => [set.name, set])),
    written,
    next: () => {
      count += 1;
      return count;
    },
  };
}
