import type { Predicate } from '../netfilter/index.ts';
import type { NamePattern } from '../trace/parts.ts';
import { eachLeaf } from './leaf.ts';

/** The names and beginnings that a predicate asks for. */
export function namesIn(predicate: Predicate, found: NamePattern[]): void {
  eachLeaf(predicate, (leaf) => {
    if (leaf.kind === 'name') found.push(leaf);
  });
}
