import { COMMANDS, type Entry } from './commands.ts';
import { EXIT } from './status.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/**
 * Runs one command line and sets the exit status of the process. `argv` is without node and the script.
 * Only the file of the command that is asked for is loaded, and commander. What comes back is what it was told through.
 */
export async function main(argv: readonly string[]): Promise<Terminal> {
  const { color, rest } = takeColor(argv);
  const terminal = openTerminal(color);
  try {
    process.exitCode = await dispatch(rest, terminal);
  } catch (error) {
    // Help and the version are thrown too, once they are printed.
    if (isPrinted(error)) return terminal;
    try {
      const { report } = await import('./failure.ts');
      process.exitCode = await report(error, terminal);
    } catch {
      // What tells errors is broken itself.
      process.stderr.write(`sidestep: this is a defect of Sidestep: ${error}\n`);
      process.exitCode = EXIT.defect;
    }
  }
  return terminal;
}

/**
 * The same, and ends the process when all that was written has left it. To wait until nothing is left to do would be to pay for
 * taking everything down that the process holds: ten milliseconds and more.
 */
export async function mainAndExit(argv: readonly string[]): Promise<never> {
  const terminal = await main(argv);
  await terminal.settled();
  process.exit();
}

const isPrinted = (error: unknown): boolean => {
  const { code, exitCode } = error as { readonly code?: unknown; readonly exitCode?: unknown };
  return typeof code === 'string' && code.startsWith('commander.') && exitCode === 0;
};

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  if (['-V', '--version'].includes(argv[0] ?? '')) {
    const { versionOf } = await import('./version.ts');
    terminal.write(`${versionOf()}\n`);
    return EXIT.done;
  }
  const { buildProgram } = await import('./program.ts');
  let status: number = EXIT.done;
  const wanted = wantedCommand(argv);
  const { program, prepare } = await buildProgram(wanted ? [wanted] : [], {
    name: programName(),
    argv: argv.slice(1),
    alone: wanted !== undefined && argv[0] === wanted.name,
    terminal,
    finish(result) {
      status = result;
    },
  });
  try {
    await program.parseAsync([...prepare(helped(argv, wanted))], { from: 'user' });
  } catch (error) {
    const { withMeantFlag } = await import('./meant.ts');
    throw await withMeantFlag(
      error,
      program.commands.find((command) => command.name() === wanted?.name),
    );
  }
  return status;
}

/** `help NONSENSE` is answered as NONSENSE is: no such command, did you mean … */
const helped = (argv: readonly string[], wanted: Entry | undefined): readonly string[] =>
  argv[0] === 'help' && argv[1] !== undefined && !argv[1].startsWith('-') && argv[1] !== 'help' && !wanted
    ? argv.slice(1)
    : argv;

/** The command that the arguments name, also after `help`. */
function wantedCommand(argv: readonly string[]): Entry | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  const word = words[0] === 'help' ? words[1] : words[0];
  return COMMANDS.find(({ name }) => name === word);
}

/** `kubectl sidestep` when kubectl runs it as its plugin. */
const programName = (): string =>
  /kubectl-sidestep(\.js)?$/.test(process.argv[1] ?? '') ? 'kubectl sidestep' : 'sidestep';

/** `--color` and `--no-color` may stand anywhere before a `--`. */
function takeColor(argv: readonly string[]): { readonly color: boolean | undefined; readonly rest: readonly string[] } {
  const end = argv.indexOf('--');
  const before = end < 0 ? argv : argv.slice(0, end);
  const flags: readonly string[] = before.filter((word) => word === '--color' || word === '--no-color');
  const last = flags.at(-1);
  return {
    color: last === undefined ? undefined : last === '--color',
    rest: [...before.filter((word) => !flags.includes(word)), ...(end < 0 ? [] : argv.slice(end))],
  };
}
