const TOKEN = /\s*(\d{1,15}|\$?\{?[A-Za-z_]\w*\}?|[<>=!]=|&&|\|\||[-+*/%()<>])/y;

/** How tight an operator binds. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['+', '-'],
  ['*', '/', '%'],
];

/**
 * The value of an arithmetic expression over whole numbers; undefined where it is not known, sets a variable, or uses what
 * Sidestep does not follow. `variable` gives the variables’ values. Source: POSIX, Shell Command Language, 2.6.4.
 *
 * @example calculate('2 * (PORT + 1)', () => '80') // 162
 */
export function calculate(text: string, variable: (name: string) => string | undefined): number | undefined {
  // These set the variable beside them.
  if (/\+\+|--/.test(text)) return undefined;
  const tokens: string[] = [];
  const length = text.trimEnd().length;
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < length; ) {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined || tokens.length > MOST_TOKENS) return undefined;
    tokens.push(token);
  }
  let at = 0;
  const one = (): number => {
    const token = tokens[at] ?? '';
    at += 1;
    if (token === '-' || token === '+') return token === '-' ? -one() : one();
    if (token === '(') {
      const value = level(0);
      at += 1;
      return tokens[at - 1] === ')' ? value : Number.NaN;
    }
    // A number that begins with 0 is octal.
    const digits = /^\d/.test(token) ? token : (variable(token.replace(/[${}]/g, '')) ?? '');
    if (!/^-?\d{1,15}$/.test(digits)) return Number.NaN;
    return /^-?0\d/.test(digits) ? Number.NaN : Number(digits);
  };
  const level = (tightness: number): number => {
    const operators = LEVELS[tightness];
    if (!operators) return one();
    let left = level(tightness + 1);
    for (let operator = tokens[at]; operator !== undefined && operators.includes(operator); operator = tokens[at]) {
      at += 1;
      left = worked(left, operator, level(tightness + 1));
    }
    return left;
  };
  const value = level(0);
  return at === tokens.length && Number.isSafeInteger(value) ? value : undefined;
}

const MOST_TOKENS = 200;

function worked(left: number, operator: string, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right)) return Number.NaN;
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return right === 0 ? Number.NaN : Math.trunc(left / right);
    case '%':
      return right === 0 ? Number.NaN : left % right;
    case '==':
      return Number(left === right);
    case '!=':
      return Number(left !== right);
    case '<':
      return Number(left < right);
    case '<=':
      return Number(left <= right);
    case '>':
      return Number(left > right);
    case '>=':
      return Number(left >= right);
    case '&&':
      return Number(left !== 0 && right !== 0);
    default:
      return Number(left !== 0 || right !== 0);
  }
}
