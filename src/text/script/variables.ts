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
  readonly locals: Map<string, { readonly value: Value } | undefined>[];
}

export const newVariables = (): Variables => ({
  values: new Map(),
  parameters: undefined,
  blurred: false,
  odd: new Set(),
  locals: [],
});

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

/** `local NAME`: within a function, what the variable is afterwards is what it was before. */
export function makeLocal({ locals, values }: Variables, name: string): void {
  const before = locals.at(-1);
  if (!before || before.has(name)) return;
  before.set(name, values.has(name) ? { value: values.get(name) } : undefined);
}

/** Runs what a function holds: its parameters and local variables are its own. */
export function inFunction<T>(variables: Variables, parameters: readonly string[] | undefined, act: () => T): T {
  const outer = variables.parameters;
  variables.parameters = parameters;
  variables.locals.push(new Map());
  const result = act();
  for (const [name, before] of variables.locals.pop() ?? []) {
    if (before) variables.values.set(name, before.value);
    else variables.values.delete(name);
  }
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
