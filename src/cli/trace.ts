import { Argument } from 'commander';
import {
  BLANK,
  nextAfter,
  outcomeTable,
  type Screen,
  traceDocument,
  type WalkOptions,
  walkDot,
  walkScreen,
  withReasons,
} from '../explain/index.ts';
import { proxyPortsOf } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { parseQuestion, prepare, type Question, QuestionRefused, type Trace } from '../trace/index.ts';
import { defineCommand } from './command.ts';
import { readText } from './file.ts';
import {
  familyOption,
  type OutputForm,
  outputOption,
  type SourceOptions,
  sourceFlags,
  sourceOptions,
} from './options.ts';
import { readSource } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';
import { PacketsRefused, UsageError } from './usage.ts';

interface TraceOptions extends SourceOptions {
  readonly output: OutputForm | 'dot';
  readonly all?: boolean;
  readonly brief?: boolean;
}

export const trace = defineCommand<TraceOptions>({
  examples: [
    ["sidestep trace 'in tcp/8888'", 'a new connection from elsewhere to :8888'],
    ["sidestep trace 'out tcp > 10.0.0.5:80 uid 1000'", 'what happens to a call that an app makes'],
    ["sidestep trace 'in tcp 10.0.0.9:40000 > [2001:db8::5]:8080'", 'from whom, to where; the family is the address’s'],
    ["sidestep trace 'in tcp/8888' --from rules.txt", "in a colleague's rules; no root, no Linux"],
    ["sidestep trace 'in tcp/8080' 'in tcp/8888'", 'several at once: one line each, --all for each walk'],
    ['sidestep trace - < packets.txt -o json', 'one packet a line, one JSON document a line'],
  ],
  declare(command) {
    command.addArgument(
      new Argument(
        '<packet...>',
        "what to follow, like 'in tcp/8888'; what is left out is assumed, and said; - reads lines",
      ),
    );
    sourceOptions(command);
    command.optionsGroup('What is shown:');
    familyOption(command);
    outputOption(command, 'text', 'json', 'dot');
    command
      .option('--all', 'every rule, and every walk of several packets')
      .option('--brief', 'only the rules that matched; of several packets only the outcome');
  },
  async run({ args, options, terminal, program }) {
    if (options.all && options.brief) throw new UsageError('--all and --brief exclude each other');
    if (args.includes('-') && options.from === '-') {
      throw new UsageError(
        'packets and rules cannot both come from standard input',
        'Put the rules into a file: --from rules.txt',
      );
    }
    const snapshot = await readSource(options, terminal);
    const questions = await readQuestions(args, snapshot, options);
    const follow = prepare(withReasons(snapshot), proxyPortsOf(snapshot));
    const several = args.length > 1 || args.includes('-');
    const walk: WalkOptions = { show: options.all ? 'all' : options.brief ? 'matched' : 'fold' };
    const briefly: Trace[] = [];
    let status: ExitStatus = EXIT.done;
    for (const question of questions) {
      if (terminal.closed) break;
      const result = follow(question);
      if (isFinding(result)) status = EXIT.finding;
      if (options.output === 'json') terminal.json(traceDocument(result), several ? 'stream' : 'document');
      else if (options.output === 'dot') terminal.write(walkDot(result));
      else if (several && !options.all) briefly.push(result);
      else await terminal.show(walkOf(result, walk, `${program} `, sourceFlags(options), several));
    }
    if (briefly.length > 0) await terminal.show([outcomeTable(briefly)]);
    return status;
  },
});

function walkOf(result: Trace, options: WalkOptions, program: string, flags: string, several: boolean): Screen {
  const next = nextAfter(result);
  const screen = walkScreen(
    result,
    next ? { ...options, next: `${next.why}: ${program}${next.command}${flags}` } : options,
  );
  return several ? [...screen, BLANK] : screen;
}

/** Nobody gets the packet: what design.md calls unreachable. */
const isFinding = ({ outcome }: Trace): boolean =>
  ['dropped', 'rejected', 'nobody listens', 'astray'].includes(outcome.kind);

/** All packets, read before the first is followed: one that cannot be read refuses them all. */
async function readQuestions(
  args: readonly string[],
  snapshot: Snapshot,
  options: TraceOptions,
): Promise<readonly Question[]> {
  const lines: { readonly text: string; readonly place: string }[] = [];
  for (const arg of args) {
    if (arg === '-') lines.push(...(await linesOfInput()));
    else lines.push({ text: arg, place: '' });
  }
  const questions: Question[] = [];
  const refused: string[] = [];
  for (const { text, place } of lines) {
    try {
      questions.push(
        parseQuestion(text, snapshot, { now: Date.now(), ...(options.family ? { family: options.family } : {}) }),
      );
    } catch (error) {
      if (!(error instanceof QuestionRefused)) throw error;
      refused.push(place === '' ? error.message : error.message.replace(/^packet:\d+:/, place));
    }
  }
  if (refused.length > 0) throw new PacketsRefused(refused.join('\n'));
  return questions;
}

async function linesOfInput(): Promise<{ readonly text: string; readonly place: string }[]> {
  const text = await readText('-');
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ text: line.trim(), place: `standard input:${index + 1}:` }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
}
