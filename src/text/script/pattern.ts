/**
 * Whether a text fits a shell’s pattern (`*`, `?`, plain characters); undefined where the pattern holds more than that.
 * Source: POSIX, Shell Command Language, 2.13.
 */
export function fits(text: string, pattern: string): boolean | undefined {
  if (UNFOLLOWED.test(pattern)) return undefined;
  // One star after the other, each as short as it can be: no way back is needed beyond the last.
  let [at, star, mark] = [0, -1, 0];
  let index = 0;
  while (index < text.length) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at;
      mark = index;
      at += 1;
    } else if (wanted === '?' || (wanted !== undefined && wanted === text[index])) {
      at += 1;
      index += 1;
    } else if (star < 0) return false;
    else {
      mark += 1;
      index = mark;
      at = star + 1;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

/** Classes of characters, and what other shells add. */
const UNFOLLOWED = /[[\]\\]|[?*+@!]\(/;

/** `${NAME%PATTERN}` and its like: the value without the part, short or long, that fits. Undefined: not known. */
export function without(value: string, operator: string, pattern: string): string | undefined {
  if (UNFOLLOWED.test(pattern) || value.length > LONGEST) return undefined;
  const fromEnd = operator.startsWith('%');
  const long = operator.length === 2;
  for (let step = 0; step <= value.length; step += 1) {
    const cut = long ? value.length - step : step;
    const [piece, rest] = fromEnd
      ? [value.slice(value.length - cut), value.slice(0, value.length - cut)]
      : [value.slice(0, cut), value.slice(cut)];
    if (fits(piece, pattern)) return rest;
  }
  return value;
}

const LONGEST = 2000;

/** `${NAME/a/b}` and `${NAME//a/b}` for plain texts. */
export function replaced(value: string, operator: string, argument: string): string | undefined {
  const slash = argument.indexOf('/', 1);
  const pattern = slash < 0 ? argument : argument.slice(0, slash);
  const by = slash < 0 ? '' : argument.slice(slash + 1);
  if (pattern === '' || /^[#%]|[*?[\]\\(&]/.test(pattern) || /[&\\]/.test(by)) return undefined;
  return operator === '//' ? value.replaceAll(pattern, () => by) : value.replace(pattern, () => by);
}
