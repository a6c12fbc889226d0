import { Command } from 'commander';
import type { CommandSpec } from './command.ts';
import { COMMANDS, type Entry } from './commands.ts';
import { closing, type Example, opening } from './help.ts';
import type { Terminal } from './terminal.ts';

/** What the built program needs from its caller. */
export interface Surroundings {
  readonly name: string;
  /** The words after the command's name, for complaints that name a flag as it was typed. */
  readonly argv: readonly string[];
  readonly terminal: Terminal;
  /** Only the loaded commands are wanted, not a list of all. */
  readonly alone?: boolean;
  /** Called with the exit status of the command that ran. */
  readonly finish: (status: number) => void;
}

export interface Built {
  readonly program: Command;
  /** Changes the arguments before they are parsed. */
  readonly prepare: (argv: readonly string[]) => readonly string[];
}

/**
 * The command line as commander knows it: all commands by name, those in `loaded` with their options. Nothing is printed
 * and nobody exits: what commander has to say is thrown as a CommanderError.
 */
export async function buildProgram(loaded: readonly Entry[], surroundings: Surroundings): Promise<Built> {
  const program = new Command(surroundings.name)
    .description('Intercept, list, follow and step aside: the iptables rules of sidecars, packet by packet.')
    .usage('COMMAND [options]')
    .option('-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpCommand(
      new Command('help').argument('[command]').description('examples and options of a command').helpGroup('Try:'),
    )
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .addHelpText('after', () => `\n${closing(surroundings.name, columns())}`);
  silent(program);
  let prepare: Built['prepare'] = (argv) => argv;
  // A command that is known by its name needs no other beside it: those only serve help and "Did you mean".
  for (const entry of surroundings.alone ? loaded : COMMANDS) {
    const spec = loaded.includes(entry) ? await entry.load() : undefined;
    const command = new Command(entry.name).summary(entry.summary).description('').helpGroup(`${entry.group}:`);
    silent(command);
    if (spec) {
      declare(command, entry, spec, surroundings);
      if (spec.prepare) prepare = (argv) => spec.prepare!(argv);
    }
    program.addCommand(command);
  }
  return { program, prepare };
}

/** Errors are thrown, never printed: failure.ts says them in one form. Help goes to standard output. */
function silent(command: Command): void {
  command
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError(true);
}

function declare(command: Command, entry: Entry, spec: CommandSpec, surroundings: Surroundings): void {
  const { name, terminal, finish } = surroundings;
  spec.declare(command);
  command
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'before',
      () => `${opening(`${name} ${entry.name}: ${entry.summary}`, named(spec.examples, name), columns())}\n`,
    )
    .action(async () => {
      finish(
        await spec.run({
          args: command.args,
          options: command.opts(),
          argv: surroundings.argv,
          terminal,
          program: name,
        }),
      );
    });
}

/** As one would type them here: `kubectl sidestep list`. */
const named = (examples: readonly Example[], name: string): Example[] =>
  examples.map(([command, effect]) => [command.replace(/^sidestep/, name), effect]);

/** As commander fits its own part of a help. */
const columns = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined);
