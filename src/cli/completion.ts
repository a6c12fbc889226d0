import { Argument, type Command, type Option } from 'commander';
import { defineCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { buildProgram } from './program.ts';
import { EXIT } from './status.ts';

/** A command as completion knows it: its name, what it is for, its flags. */
interface Known {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly KnownOption[];
  readonly choices: readonly string[];
  /** Its arguments may be files. */
  readonly files: boolean;
}

interface KnownOption {
  readonly flags: readonly string[];
  readonly summary: string;
  readonly choices: readonly string[];
  /** What follows the flag: nothing, a file, a network namespace, one of the choices, or something else. */
  readonly value: 'none' | 'file' | 'netns' | 'choice' | 'other';
}

type Shell = 'bash' | 'zsh' | 'fish';

export const completion = defineCommand({
  examples: [
    ['source <(sidestep completion bash)', 'in ~/.bashrc'],
    ['source <(sidestep completion zsh)', 'in ~/.zshrc, after compinit'],
    ['sidestep completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
  declare(command) {
    command.addArgument(new Argument('<shell>', 'the shell to complete in').choices(['bash', 'zsh', 'fish']));
  },
  async run({ args, terminal }) {
    const { program } = await buildProgram(COMMANDS, { name: 'sidestep', argv: [], terminal, finish: () => {} });
    terminal.write(WRITERS[args[0] as Shell](program.commands.map(describe)));
    return EXIT.done;
  },
});

function describe(command: Command): Known {
  return {
    name: command.name(),
    summary: command.summary(),
    options: command.options.filter(({ hidden }) => !hidden).map(describeOption),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    files: command.registeredArguments.some((argument) => FILES.includes(argument.name())),
  };
}

/** Arguments that may be files: those of diff, and what run is to start. */
const FILES: readonly string[] = ['before', 'after', 'command'];

/** Where ip keeps the names of network namespaces; a path may stand for one too. */
const NAMED = '/run/netns';

/** A value that may be left out, as of --dry-run, is not waited for. */
function describeOption({ short, long, description, argChoices, required }: Option): KnownOption {
  const flags = [short, long].filter((flag) => flag !== undefined && flag !== null) as string[];
  const choices = argChoices ?? [];
  return { flags, summary: description, choices, value: required ? awaited(long, choices) : 'none' };
}

function awaited(flag: string | undefined, choices: readonly string[]): KnownOption['value'] {
  if (choices.length > 0) return 'choice';
  if (flag === '--netns') return 'netns';
  return ['--from', '--out', '--access-log'].includes(flag ?? '') ? 'file' : 'other';
}

/** A word inside single quotes of a shell. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** How bash finds what may follow a flag. */
function bashValue({ value, choices }: KnownOption): string {
  switch (value) {
    case 'choice':
      return ` COMPREPLY=($(compgen -W ${quote(choices.join(' '))} -- "$current"));`;
    case 'file':
      return ' _sidestep_files;';
    case 'netns':
      return ` _sidestep_netns;`;
    case 'none':
    case 'other':
      return '';
  }
}

function bash(commands: readonly Known[]): string {
  const cases = commands.map(({ name, options, choices, files }) => {
    const values = options
      .filter(({ value }) => value !== 'none')
      .map((option) => `        ${option.flags.join('|')})${bashValue(option)} return ;;`);
    const words = [...options.flatMap(({ flags }) => flags), ...choices].join(' ');
    return [
      `    ${name})`,
      ...(values.length > 0 ? ['      case "$previous" in', ...values, '      esac'] : []),
      ...(files ? ['      case "$current" in -*) ;; *) _sidestep_files; return ;; esac'] : []),
      `      words=${quote(words)} ;;`,
    ].join('\n');
  });
  return `# bash completion for sidestep: source <(sidestep completion bash)
_sidestep_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$current"))
  compopt -o filenames 2>/dev/null
}
_sidestep_netns() {
  case "$current" in
    */*) _sidestep_files ;;
    *) COMPREPLY=($(compgen -W "$(ls ${NAMED} 2>/dev/null)" -- "$current")) ;;
  esac
}
_sidestep() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  COMPREPLY=()
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words=${quote([...commands.map(({ name }) => name), 'help'].join(' '))}; fi
  if [ "\${COMP_WORDS[1]}" = help ]; then words=${quote(commands.map(({ name }) => name).join(' '))}; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _sidestep sidestep
`;
}

function zsh(commands: readonly Known[]): string {
  const describe = (text: string): string => text.replace(/[[\]:\\]/g, (char) => `\\${char}`);
  const specs = ({ options, choices }: Known): string[] => [
    ...options.map(({ flags, summary, value, choices: words }) => {
      const after = {
        none: '',
        file: ':file:_files',
        netns: ':namespace:_files',
        choice: `:value:(${words.join(' ')})`,
        other: ':value: ',
      }[value];
      const [first = ''] = flags;
      // Flags of one option exclude each other.
      return flags.length > 1
        ? `${quote(`(${flags.join(' ')})`)}{${flags.join(',')}}${quote(`[${describe(summary)}]${after}`)}`
        : quote(`${first}[${describe(summary)}]${after}`);
    }),
    ...(choices.length > 0 ? [quote(`1:value:(${choices.join(' ')})`)] : []),
  ];
  const cases = commands.map((command) => {
    const words = specs(command);
    const rest = quote(command.files ? '*:file:_files' : '*:: :');
    return `      ${command.name}) _arguments ${[...words, rest].join(' \\\n        ')} ;;`;
  });
  const names = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(':', '\\:')}`)}`);
  return `#compdef sidestep
# zsh completion for sidestep: source <(sidestep completion zsh)
_sidestep() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  _arguments -C '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe 'command' commands ;;
    argument)
      case "\${words[1]}" in
${cases.join('\n')}
        help) _describe 'command' commands ;;
      esac ;;
  esac
}
compdef _sidestep sidestep
`;
}

function fish(commands: readonly Known[]): string {
  const lines = commands.flatMap(({ name, summary, options, choices, files }) => {
    const here = `-n ${quote(`__fish_seen_subcommand_from ${name}`)}`;
    return [
      `complete -c sidestep -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
      ...options.map(({ flags, summary: what, value, choices: words }) => {
        const named = flags
          .map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
          .join(' ');
        const after = {
          none: '',
          file: ' -r -F',
          netns: ' -r -F',
          choice: ` -x -a ${quote(words.join(' '))}`,
          other: ' -x',
        }[value];
        return `complete -c sidestep ${here} ${named}${after} -d ${quote(what)}`;
      }),
      ...(choices.length > 0 ? [`complete -c sidestep ${here} -a ${quote(choices.join(' '))}`] : []),
      ...(files ? [`complete -c sidestep ${here} -F`] : []),
    ];
  });
  return `# fish completion for sidestep: sidestep completion fish | source
complete -c sidestep -f
${lines.join('\n')}
`;
}

const WRITERS: Readonly<Record<Shell, (commands: readonly Known[]) => string>> = { bash, zsh, fish };
