/**
 * Whether a text fits a shell’s pattern (`*`, `?`, `[0-9]`, plain characters); undefined where the pattern holds more than that.
 * Source: POSIX, Shell Command Language, 2.13.
 */
export function fits(text: string, pattern: string): boolean | undefined {
  const parts = partsOf(pattern);
  if (!parts) return undefined;
  // One star after the other, each as short as it can be: no way back is needed beyond the last.
  let [at, star, mark] = [0, -1, 0];
  let index = 0;
  while (index < text.length) {
    const wanted = parts[at];
    if (wanted === '*') {
      star = at;
      mark = index;
      at += 1;
    } else if (wanted !== undefined && isOne(wanted, text.charAt(index))) {
      at += 1;
      index += 1;
    } else if (star < 0) return false;
    else {
      mark += 1;
      index = mark;
      at = star + 1;
    }
  }
  return parts.slice(at).every((part) => part === '*');
}

/** A character, `?`, `*`, or `[…]` as a whole. */
type Part = string;

function partsOf(pattern: string): readonly Part[] | undefined {
  if (UNFOLLOWED.test(pattern)) return undefined;
  const parts: readonly string[] = pattern.match(BRACKETS) ?? [];
  const classes = parts.filter((part) => part.length > 1);
  return parts.includes('[') || classes.some((part) => !PLAIN_CLASS.test(part)) ? undefined : parts;
}

const BRACKETS = /\[[!^]?\]?[^\]]*\]|[\s\S]/g;

/** Ranges within one kind of letters or figures: others hang on the locale. */
const PLAIN_CLASS = /^\[[!^]?\]?(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[^[\]-])*-?\]$/;

function isOne(part: Part, character: string): boolean {
  if (part.length === 1) return part === '?' || part === character;
  const inverted = /^\[[!^]/.test(part);
  const inside = part.slice(inverted ? 2 : 1, -1);
  const held = inside.match(/[a-zA-Z0-9]-[a-zA-Z0-9]|[\s\S]/g) ?? [];
  const found = held.some((one) =>
    one.length === 1 ? one === character : one.charAt(0) <= character && character <= one.charAt(2),
  );
  return found !== inverted;
}

/** Escapes, and what other shells add. */
const UNFOLLOWED = /\\|[?*+@!]\(/;

/** `${NAME%PATTERN}` and its like: the value without the part, short or long, that fits. Undefined: not known. */
export function without(value: string, operator: string, pattern: string): string | undefined {
  if (!partsOf(pattern) || value.length > LONGEST) return undefined;
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
