import type { Family } from '../address/index.ts';
import type { Rule } from '../netfilter/index.ts';
import { printRule, sameRule } from '../text/index.ts';
import type { Step } from './sequence.ts';

// From the steps between two lists of rules to differences: which step is one rule that moved, which two are one rule that
// changed.

/** Each rule by a word that equal rules share: its text, or the text of an earlier rule that the kernel holds alike. */
export function keysOf(wanted: readonly Rule[], found: readonly Rule[], family: Family): [string[], string[]] {
  const before = wanted.map((rule) => printRule(rule, family));
  const known = new Map(before.map((text, index) => [text, wanted[index] as Rule]));
  const after = found.map((rule) => {
    const text = printRule(rule, family);
    if (known.has(text)) return text;
    for (const [other, same] of known) if (sameRule(rule, same, family)) return other;
    return text;
  });
  return [before, after];
}

export interface Moved {
  readonly before: number;
  readonly after: number;
}

/** Rules that are gone at one place and new at another. */
export function movedIn(steps: readonly Step[], before: readonly string[], after: readonly string[]): readonly Moved[] {
  const come = steps.flatMap((step) => (step.kind === 'new' ? [step.after] : []));
  return steps.flatMap((step) => {
    if (step.kind !== 'gone') return [];
    const at = come.findIndex((index) => after[index] === before[step.before]);
    return at < 0 ? [] : come.splice(at, 1).map((index) => ({ before: step.before, after: index }));
  });
}

/** Whether a rule may be another in a changed form: it asks for the same, or it does the same. Comments ask for nothing. */
export function isFormOf(now: Rule, old: Rule, family: Family): boolean {
  const asks = ({ header, matches }: Rule): string =>
    printRule({ header, matches: matches.filter(({ name }) => name !== 'comment') }, family);
  const does = ({ target }: Rule): string =>
    printRule({ header: {}, matches: [], ...(target ? { target } : {}) }, family);
  return asks(now) === asks(old) || does(now) === does(old);
}

type Pairs = (readonly [gone: number | undefined, come: number | undefined])[];

/** What is only gone and what is only new; those together that are alike and stand between the same neighbours. */
export function pairsOf(
  steps: readonly Step[],
  moved: readonly Moved[],
  alike: (gone: number, come: number) => boolean,
): Pairs {
  const pairs: Pairs = [];
  let gone: number[] = [];
  let come: number[] = [];
  const close = (): void => {
    for (const old of gone) {
      const at = come.findIndex((now) => alike(old, now));
      const before = at < 0 ? [] : come.splice(0, at + 1);
      const partner = before.pop();
      pairs.push(...before.map((now) => [undefined, now] as const), [old, partner]);
    }
    pairs.push(...come.map((now) => [undefined, now] as const));
    [gone, come] = [[], []];
  };
  for (const step of steps) {
    if (step.kind === 'same') close();
    else if (step.kind === 'gone' && !moved.some(({ before }) => before === step.before)) gone.push(step.before);
    else if (step.kind === 'new' && !moved.some(({ after }) => after === step.after)) come.push(step.after);
  }
  close();
  return pairs;
}

/** The numbers, in the actual chain, of the two rules whose exchange alone would give the expected order. */
export function swapIn(before: readonly string[], after: readonly string[]): readonly [number, number] | undefined {
  // Rules that only one side has do not count for the order.
  const common = (list: readonly string[], other: readonly string[]): { key: string; number: number }[] => {
    const left = [...other];
    return list.flatMap((key, index) => {
      const at = left.indexOf(key);
      if (at < 0) return [];
      left.splice(at, 1);
      return [{ key, number: index + 1 }];
    });
  };
  const [wanted, found] = [common(before, after), common(after, before)];
  const different = found.flatMap(({ key }, index) => (key === wanted[index]?.key ? [] : [index]));
  const [first = -1, second = -1] = different;
  if (different.length !== 2 || found[first]?.key !== wanted[second]?.key) return undefined;
  return [found[first]?.number ?? 0, found[second]?.number ?? 0];
}
