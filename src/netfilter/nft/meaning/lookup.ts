import { all, choice, type Predicate, some, unknown } from '../../predicate.ts';
import type { NftElement, NftExpression, NftVerdict } from '../expression.ts';
import { isElement } from './compare.ts';
import type { NftContext } from './context.ts';
import { subjectOf } from './read/index.ts';
import type { Subject } from './subject.ts';

/** What a key leads to, and when. */
export interface Found {
  readonly when: Predicate;
  readonly data: NftExpression | NftVerdict;
}

/** What a lookup may find, in the order in which it is asked; one that holds for every key comes last. */
export type Lookup = { readonly found: readonly Found[] } | { readonly because: string };

/** Looks a key up in a map: `KEY map { … }`, `KEY vmap @name`. */
export function lookUp(key: NftExpression, map: NftExpression, context: NftContext): Lookup {
  const elements = elementsOf(map, context);
  if (typeof elements === 'string') return { because: elements };
  const subject = subjectOf(key, context);
  const ordered = [...elements].sort((a, b) => Number(isAny(a)) - Number(isAny(b)));
  // What is not followed may be any of the keys, or none.
  const holds = (element: NftElement): Predicate =>
    subject.kind === 'unknown' && !isAny(element)
      ? choice(`key ${context.next()}`, subject.because)
      : isElement(subject, element, context);
  const found = ordered.flatMap((element) =>
    element.data === undefined ? [] : [{ when: all(subject.needs, holds(element)), data: element.data }],
  );
  return { found: certain(subject, found) };
}

/** Whether a map leads to anything: where it does not, the rule ends. */
export function leads({ key, data }: Extract<NftExpression, { readonly kind: 'map' }>, context: NftContext): Predicate {
  const lookup = lookUp(key, data, context);
  return 'because' in lookup ? unknown(lookup.because) : some(...lookup.found.map(({ when }) => when));
}

const isAny = ({ key }: NftElement): boolean => key.kind === 'any';

function elementsOf(map: NftExpression, { sets, written }: NftContext): readonly NftElement[] | string {
  if (map.kind === 'set') return map.elements;
  if (map.kind !== 'set-reference') return 'what it is looked up in is not followed';
  const set = sets.get(map.name);
  if (!set) return `there is no map ${JSON.stringify(map.name)} in the table`;
  return written.has(map.name) ? `rules add to the map ${JSON.stringify(map.name)} while packets pass` : set.elements;
}

/** Where the kernel chooses and every choice leads somewhere, the last one is taken when it was none of the others. */
function certain(subject: Subject, found: readonly Found[]): readonly Found[] {
  const last = found.at(-1);
  if (subject.kind !== 'choice' || !last) return found;
  const values = new Set(found.map(({ when }) => (when.kind === 'choice' ? when.id : '')));
  const all = values.size === subject.high - subject.low + 1;
  return all ? [...found.slice(0, -1), { when: subject.needs, data: last.data }] : found;
}
