import { eachLeaf, type FieldName, type Predicate } from '../netfilter/index.ts';

/** Adds the fields that a predicate reads. */
export const readsOf = (predicate: Predicate, reads: Set<FieldName>): void =>
  eachLeaf(predicate, ({ field }) => reads.add(field));
