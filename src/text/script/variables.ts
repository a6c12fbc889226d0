/** A variable's value, the items of an array, or undefined where it has a value that is not known. */
export type Value = string | readonly string[] | undefined;

/** What a shell keeps by name while a script runs. */
export interface Variables {
  values: Map<string, Value>;
  /** `$1`, `$2` and so on; undefined where they are not known, as those that the script itself is given. */
  parameters: readonly string[] | undefined;
  /** Whether what was run may have set any variable, those too that are not among the values. */
  blurred: boolean;
  /** Names whose assignments do more than give a value: `declare -n`, `declare -i` and their like. */
  readonly odd: Set<string>;
  /** For each function that is being run: what its local variables were before. */
  readonly locals: Before[];
}

/** What variables were, to be put back; undefined: they were not there. */
type Before = Map<string, { readonly value: Value } | undefined>;

/** Whether a word can be the name of a variable. */
export const isName = (word: string): boolean => /^[A-Za-z_]\w*$/.test(word);

export const newVariables = (): Variables => ({
  values: new Map(),
  parameters: undefined,
  blurred: false,
  odd: new Set(),
  locals: [],
});

/** A name that nothing has set so far: the script may have been given it from outside. */
export const NEVER_SET = Symbol('never set');

export type Stored = Value | typeof NEVER_SET;

/** What a name or `@`, `*`, `#`, `1` stands for. */
export function stored(name: string, { values, parameters, blurred }: Variables): Stored {
  if (name === '@' || name === '*') return parameters;
  if (name === '#') return parameters && String(parameters.length);
  if (/^[1-9]/.test(name)) return parameters && (parameters[Number(name) - 1] ?? '');
  if (!values.has(name)) return blurred || !/^[A-Za-z_]/.test(name) ? undefined : NEVER_SET;
  return values.get(name);
}

/** Longer values are not kept: doubling one again and again would fill the memory. */
export const LONGEST_VALUE = 65_536;

export function assign(variables: Variables, name: string, value: Value): void {
  const { values, odd } = variables;
  if (odd.has(name)) blur(variables);
  else values.set(name, typeof value === 'string' && value.length > LONGEST_VALUE ? undefined : value);
}

/** What was run may have set any variable to anything. */
export function blur(variables: Variables): void {
  for (const name of variables.values.keys()) variables.values.set(name, undefined);
  variables.parameters = undefined;
  variables.blurred = true;
}

const keep = ({ values }: Variables, name: string, before: Before): void => {
  if (!before.has(name)) before.set(name, values.has(name) ? { value: values.get(name) } : undefined);
};

function putBack({ values }: Variables, all: Before): void {
  for (const [name, before] of all) {
    if (before) values.set(name, before.value);
    else values.delete(name);
  }
}

/** `local NAME`: within a function, what the variable is afterwards is what it was before. */
export function makeLocal(variables: Variables, name: string): void {
  const before = variables.locals.at(-1);
  if (before) keep(variables, name, before);
}

/** Runs a function before whose name these assignments stand: they are gone afterwards. */
export function withAssigned<T>(
  variables: Variables,
  assigned: readonly { readonly name: string; readonly value: Value }[],
  act: () => T,
): T {
  const before: Before = new Map();
  for (const { name } of assigned) keep(variables, name, before);
  for (const { name, value } of assigned) assign(variables, name, value);
  const result = act();
  putBack(variables, before);
  return result;
}

/** Runs what a function holds: its parameters and local variables are its own. */
export function inFunction<T>(variables: Variables, parameters: readonly string[] | undefined, act: () => T): T {
  const outer = variables.parameters;
  variables.parameters = parameters;
  variables.locals.push(new Map());
  const result = act();
  putBack(variables, variables.locals.pop() ?? new Map());
  variables.parameters = outer;
  return result;
}

/** Runs what a subshell runs: nothing that it sets is there afterwards. */
export function inSubshell<T>(variables: Variables, act: () => T): T {
  const { values, parameters, blurred } = variables;
  variables.values = new Map(values);
  const result = act();
  Object.assign(variables, { values, parameters, blurred });
  return result;
}
