import { compile, FIELDS, type Packet, type Predicate } from '../netfilter/index.ts';

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

type OfField = Extract<Predicate, { readonly field: unknown }>;

export function idOf(predicate: OfField): string {
  switch (predicate.kind) {
    case 'in':
      return `${predicate.field} in ${predicate.ranges.map(([low, high]) => `${low}-${high}`).join()}`;
    case 'bits':
      return `${predicate.field} & ${predicate.mask} = ${predicate.value}`;
    case 'any-bit':
      return `${predicate.field} & ${predicate.mask}`;
    case 'name':
      return `${predicate.field} = ${predicate.text}${predicate.prefix ? '+' : ''}`;
  }
}
