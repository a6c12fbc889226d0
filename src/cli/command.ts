import type { Command } from 'commander';
import type { Example } from './help.ts';
import type { Terminal } from './terminal.ts';

/** One call of a command. */
export interface Call<Options> {
  readonly args: readonly string[];
  readonly options: Options;
  /** The words as they were typed after the command's name. */
  readonly argv: readonly string[];
  readonly terminal: Terminal;
  /** The name that the user typed, for "sidestep trace …" in hints. */
  readonly program: string;
}

/** One command: a file of this folder exports it, and commands.ts names the file. It is loaded only when it runs. */
export interface CommandSpec<Options = Record<string, unknown>> {
  /** Shown before anything else by `sidestep help COMMAND`: what to type, and what it does. */
  readonly examples: readonly Example[];
  /** Changes the arguments before they are read: how init tells its `-o` from Istio's. */
  readonly prepare?: (argv: readonly string[]) => readonly string[];
  /** Declares arguments and options on the command. */
  readonly declare: (command: Command) => void;
  /** Resolves to the exit status: one of EXIT, or that of an app which was run. */
  readonly run: (call: Call<Options>) => Promise<number>;
}

/** Takes the options' type away: the table of commands holds all kinds. */
export const defineCommand = <Options>(spec: CommandSpec<Options>): CommandSpec => spec as unknown as CommandSpec;
