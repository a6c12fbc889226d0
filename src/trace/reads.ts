import type { FieldName, Predicate } from '../netfilter/index.ts';

/** Adds the fields that a predicate reads. */
export function readsOf(predicate: Predicate, reads: Set<FieldName>): void {
  switch (predicate.kind) {
    case 'in':
    case 'bits':
    case 'any-bit':
    case 'name':
      reads.add(predicate.field);
      return;
    case 'member':
      readsOf(predicate.meaning, reads);
      return;
    case 'not':
      readsOf(predicate.of, reads);
      return;
    case 'all':
    case 'some':
      for (const part of predicate.of) readsOf(part, reads);
      return;
    case 'always':
    case 'never':
    case 'choice':
    case 'unknown':
      return;
  }
}
