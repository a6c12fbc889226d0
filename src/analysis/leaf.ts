import { compile, makePacket, type Predicate } from '../netfilter/index.ts';
import type { Leaf, Value } from './code.ts';

const BLANK = makePacket({ family: 'ipv4', destination: 0 });

/** Whether one value meets the condition on its field. */
export const holdsOf = (leaf: Leaf, value: Value): boolean => compile(leaf)({ ...BLANK, [leaf.field]: value }) === true;

/** Calls back with each part of a predicate that has no parts itself. */
export function eachPart(predicate: Predicate, seen: (part: Predicate) => void): void {
  switch (predicate.kind) {
    case 'member':
      eachPart(predicate.meaning, seen);
      break;
    case 'not':
      eachPart(predicate.of, seen);
      break;
    case 'all':
    case 'some':
      for (const part of predicate.of) eachPart(part, seen);
      break;
    default:
      seen(predicate);
  }
}

/** Calls back with each condition on a field within a predicate. */
export function eachLeaf(predicate: Predicate, seen: (leaf: Leaf) => void): void {
  eachPart(predicate, (part) => {
    if ('field' in part) seen(part);
  });
}
