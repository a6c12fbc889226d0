export { type Bits as BoxBits, type Box, type Boxes, boxesOf, type Side as BoxSide } from './boxes.ts';
export { type DeadRule, deadRules, type RulePlace } from './dead.ts';
export { type Change, difference } from './difference.ts';
export type { Cut, Direction } from './domain.ts';
export type { End, EndKind, Rewritten } from './end.ts';
export { PacketSet } from './packets.ts';
export { type Reached, reach, type Side, sendsOn } from './reach.ts';
export { TooComplex } from './too-complex.ts';
export { valuesOf } from './values.ts';
