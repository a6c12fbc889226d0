import { parsePort } from '../address/index.ts';
import type { Given } from './flag-words.ts';
import type { Notice } from './interception.ts';
import { type Flag, ISTIO_FLAGS } from './istio-flag-table.ts';
import type { Environment } from './machine.ts';
import type { Problem } from './refused.ts';

/** The flags' values, each from the command line or else from its variable. */
export interface Settings {
  readonly problems: readonly Problem[];
  readonly notices: readonly Notice[];
  /** The value and how it was given. A variable that is set and empty gives ''. */
  text(flag: string): Given | undefined;
  boolean(flag: string): boolean;
  number(flag: string): number | undefined;
}

/**
 * Settles which value each flag has: what was typed, else its last variable that can be read. A value that was typed
 * and cannot be read is a problem; in a variable it is passed over, as Istio does, but said.
 */
export function settingsOf(typed: ReadonlyMap<string, Given>, env: Environment): Settings {
  const problems: Problem[] = [];
  const notices: Notice[] = [];
  const values = new Map<string, number>();
  const texts = new Map<string, Given>();
  for (const flag of ISTIO_FLAGS) {
    for (const given of allGiven(flag, typed, env)) {
      if (flag.ignored) notices.push({ about: given.as, message: `taken, without effect: ${flag.ignored}` });
      texts.set(flag.name, given);
      if (flag.kind === 'text') continue;
      const value = READERS[flag.kind].read(given.value);
      if (value !== undefined) values.set(flag.name, value);
      else complain(flag, given, typed.has(flag.name), problems, notices);
    }
  }
  return {
    problems,
    notices,
    text: (flag) => texts.get(flag),
    boolean: (flag) => values.get(flag) === 1,
    number: (flag) => values.get(flag),
  };
}

/** What was typed alone, or else every variable that is set, in the order in which one wins over the other. */
function allGiven(flag: Flag, typed: ReadonlyMap<string, Given>, env: Environment): readonly Given[] {
  const given = typed.get(flag.name);
  if (given) return [given];
  return flag.variables.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [{ value, as: name }];
  });
}

function complain(flag: Flag, given: Given, isTyped: boolean, problems: Problem[], notices: Notice[]): void {
  if (flag.kind === 'text') return;
  const { expected } = READERS[flag.kind];
  if (isTyped) problems.push({ about: given.as, value: given.value, expected });
  else if (given.value !== '')
    notices.push({ about: given.as, message: `"${given.value}" is passed over: expected is ${expected}` });
}

/** How the words of each kind of flag are read: Go's strconv.ParseBool, ParseUint and time.ParseDuration. */
const READERS: Readonly<
  Record<'boolean' | 'port' | 'duration', { readonly expected: string; read(word: string): number | undefined }>
> = {
  boolean: {
    expected: 'true or false',
    read: (word) =>
      /^(1|t|T|TRUE|true|True)$/.test(word) ? 1 : /^(0|f|F|FALSE|false|False)$/.test(word) ? 0 : undefined,
  },
  port: {
    expected: 'a port from 0 to 65535',
    read: (word) => (/^0x[0-9a-f]{1,4}$/i.test(word) ? Number(word) : parsePort(word)),
  },
  duration: { expected: 'a span of time like 5s, 1m30s or 500ms', read: milliseconds },
};

const UNITS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

function milliseconds(word: string): number | undefined {
  if (word === '0') return 0;
  if (!/^((\d+(\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns))+$/.test(word)) return undefined;
  const parts = word.matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0);
}
