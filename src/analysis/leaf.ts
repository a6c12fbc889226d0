import { compile, type Leaf, makePacket } from '../netfilter/index.ts';
import type { Value } from './code.ts';

const BLANK = makePacket({ family: 'ipv4', destination: 0 });

/** Whether one value meets the condition on its field. */
export const holdsOf = (leaf: Leaf, value: Value): boolean => meeting(leaf)(value);

/** Tells which values meet the condition. */
export function meeting(leaf: Leaf): (value: Value) => boolean {
  const test = compile(leaf);
  return (value) => test({ ...BLANK, [leaf.field]: value }) === true;
}
