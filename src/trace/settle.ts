import { compile, FIELDS, type Leaf, type Packet, type Predicate } from '../netfilter/index.ts';

/** What an open predicate is settled with. */
export interface Settling {
  readonly packet: Packet;
  /** The kernel may answer either way, or Sidestep does not know the match. */
  choice(because: string, id: string): boolean;
  /** A field of the packet is not known. Equal ids mean the same question about it. */
  field(because: string, id: string): boolean;
}

/**
 * The answer of a predicate that is undecided on this packet, given answers to what is open in it. Only what the answer
 * hangs on is asked.
 */
export function settle(predicate: Predicate, settling: Settling): boolean {
  const known = compile(predicate)(settling.packet);
  if (known !== 'undecided') return known;
  switch (predicate.kind) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'member':
      return settle(predicate.meaning, settling);
    case 'not':
      return !settle(predicate.of, settling);
    case 'all':
      return predicate.of.every((part) => settle(part, settling));
    case 'some':
      return predicate.of.some((part) => settle(part, settling));
    case 'choice':
      return settling.choice(predicate.because, predicate.id);
    case 'unknown':
      return settling.choice(predicate.because, predicate.because);
    case 'in':
    case 'bits':
    case 'any-bit':
    case 'name':
      return settling.field(`the packet's ${FIELDS[predicate.field].spoken} is not known`, idOf(predicate));
  }
}

/** Equal conditions have equal ids. */
export function idOf(leaf: Leaf): string {
  switch (leaf.kind) {
    case 'in':
      return `${leaf.field} in ${leaf.ranges.map(([low, high]) => `${low}-${high}`).join()}`;
    case 'bits':
      return `${leaf.field} & ${leaf.mask} = ${leaf.value}`;
    case 'any-bit':
      return `${leaf.field} & ${leaf.mask}`;
    case 'name':
      return `${leaf.field} = ${leaf.text}${leaf.prefix ? '+' : ''}`;
  }
}
