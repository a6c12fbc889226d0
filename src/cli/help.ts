/** A command line as one would type it, and what it does. */
export type Example = readonly [command: string, effect: string];

/** Columns of help that goes into a pipe, as commander has it. */
const PIPED = 80;
/** The widest command that others line up with. */
const WIDEST = 44;
/** Columns that an effect needs beside its command; where there are fewer, it stands below. */
const ROOM = 30;
const GAP = 2;

/** What `help COMMAND` opens with: what the command is for, and examples. `columns`: of the terminal, none for a pipe. */
export const opening = (title: string, examples: readonly Example[], columns: number | undefined): string =>
  `${wrapped(title, columns ?? PIPED).join('\n')}\n\n${exampleLines(examples, columns ?? PIPED).join('\n')}`;

/** What the list of commands closes with. */
export function closing(program: string, columns: number | undefined): string {
  const width = columns ?? PIPED;
  const paragraphs = [
    'Where the rules come from: nothing (this network namespace), --netns NAME, --pid PID, --container ID, or --from FILE|- (iptables-save or a snapshot), which needs no root and no Linux.',
    'Exit status: 0 done or nothing found, 1 a finding, 2 unusable input, 3 not permitted or missing here.',
  ].map((text) => wrapped(text, width).join('\n'));
  const examples: readonly Example[] = [
    [`${program} list`, 'who is intercepted, then the chains'],
    [`${program} trace 'in tcp/8888'`, 'the walk, rule by rule, and the outcome'],
    [`${program} bypass 8888`, 'the plan; --apply does it, --undo takes it back'],
  ];
  return `${paragraphs[0]}\n\n${exampleLines(examples, width).join('\n')}\n\n${paragraphs[1]}\n`;
}

/** Commands with what they do beside them, or below where that has no room. A command is never broken. */
function exampleLines(examples: readonly Example[], width: number): string[] {
  const widest = Math.min(Math.max(...examples.map(([command]) => command.length)), WIDEST);
  const beside = GAP + widest + GAP;
  const start = width - beside >= ROOM ? beside : 3 * GAP;
  return examples.flatMap(([command, effect]) => {
    const line = `${' '.repeat(GAP)}${command}`;
    const [first = '', ...rest] = wrapped(effect, width - start);
    const below = rest.map((text) => `${' '.repeat(start)}${text}`);
    return line.length + GAP <= start
      ? [`${line.padEnd(start)}${first}`, ...below]
      : [line, `${' '.repeat(start)}${first}`, ...below];
  });
}

/** Lines no longer than `width`, unless a word is. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const open = lines.at(-1);
    if (open !== undefined && open.length + 1 + word.length <= width) lines[lines.length - 1] = `${open} ${word}`;
    else lines.push(word);
  }
  return lines;
}
