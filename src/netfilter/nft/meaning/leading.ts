import type { Range } from '../../../address/index.ts';
import { WAY_BACK } from '../../fields.ts';
import { all, is, isIn, NEVER, not, type Predicate, some, unknown } from '../../predicate.ts';
import type { NftExpression } from '../expression.ts';
import type { NftContext } from './context.ts';
import { interfaceName } from './operand.ts';
import type { Subject } from './subject.ts';

type Leading = Extract<Subject, { readonly kind: 'leading' }>;
type Devices = NftContext['devices'];

/** What `fib … oif` finds is `missing`, `exists`, 0 for none, or an interface. Undefined: it is compared with something else. */
export function leadsBy(subject: Leading, to: NftExpression, devices: Devices): Predicate | undefined {
  if (to.kind === 'value' && typeof to.value === 'boolean')
    return to.value ? isFound(subject, devices) : not(isFound(subject, devices));
  const name = interfaceName(to);
  if (!name) return undefined;
  // A number that nft finds no name for belongs to no interface that is there.
  if (subject.number && /^\d+$/.test(name.text)) return name.text === '0' ? not(isFound(subject, devices)) : NEVER;
  const fits = (device: string): boolean =>
    name.prefix && !subject.number ? device.startsWith(name.text) : device === name.text;
  const { back } = subject;
  if (!back) return isOneOf(subject, fits, devices);
  const bySame = all(is(back, WAY_BACK.same), {
    kind: 'name',
    field: 'in',
    text: name.text,
    prefix: name.prefix && !subject.number,
  });
  return subject.same ? bySame : some(bySame, all(is(back, WAY_BACK.other), isOneOf(subject, fits, devices)));
}

function isFound({ back, field, same, ...rest }: Leading, devices: Devices): Predicate {
  if (back) return some(is(back, WAY_BACK.same), same ? NEVER : is(back, WAY_BACK.other));
  return same ? isOneOf({ field, same, ...rest }, () => true, devices) : not(is(field, 0));
}

/** An interface that fits leads there. */
function isOneOf({ field, same }: Leading, fits: (device: string) => boolean, devices: Devices): Predicate {
  if (!devices) return unknown('which interface leads there is not known: interfaces were not read');
  const fitting = [...devices].filter(([device]) => fits(device));
  if (!same) return isIn(field, ...fitting.map(([, index]): Range => [index, index]));
  return some(
    ...fitting.map(([device, index]) =>
      all({ kind: 'name', field: 'in', text: device, prefix: false }, is(field, index)),
    ),
  );
}
