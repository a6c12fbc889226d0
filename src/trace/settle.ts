import { compile, type FieldName, field, type Leaf, type Packet, type Predicate } from '../netfilter/index.ts';

/** What an open predicate is settled with. */
export interface Settling {
  readonly packet: Packet;
  /** The kernel may answer either way, or Sidestep does not know the match. `turned`: a yes keeps the whole from holding. */
  choice(because: string, id: string, turned: boolean): boolean;
  /** A field of the packet is not known. Equal ids mean the same question about it. */
  field(because: string, id: string, turned: boolean): boolean;
}

/**
 * The answer of a predicate that is undecided on this packet, given answers to what is open in it. Only what the answer
 * hangs on is asked.
 */
export function settle(predicate: Predicate, settling: Settling, turned = false): boolean {
  const known = compile(predicate)(settling.packet);
  if (known !== 'undecided') return known;
  switch (predicate.kind) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'member':
      return settle(predicate.meaning, settling, turned);
    case 'not':
      return !settle(predicate.of, settling, !turned);
    case 'all':
      return predicate.of.every((part) => settle(part, settling, turned));
    case 'some':
      return predicate.of.some((part) => settle(part, settling, turned));
    case 'choice':
      return settling.choice(predicate.because, predicate.id, turned);
    case 'unknown':
      return settling.choice(predicate.because, predicate.id ?? predicate.because, turned);
    case 'in':
    case 'bits':
    case 'any-bit':
    case 'name':
      return settling.field(missing(predicate.field), idOf(predicate), turned);
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

const missing = (name: FieldName): string => field(name).missing ?? `the packet's ${field(name).spoken} is not known`;
