import { Argument, Option } from 'commander';
import { BLANK, shellWord, type WalkOptions } from '../explain/index.ts';
import { type Snapshot, TABLES } from '../netfilter/index.ts';
import { parseQuestion, type Question, QuestionRefused } from '../trace/index.ts';
import { defineCommand } from './command.ts';
import { readText } from './file.ts';
import { connectionsIn, type Following, mustOpen, packetsIn } from './following.ts';
import { type LiveOptions, liveOptions, refuseLiveOptions } from './live-options.ts';
import { familyOption, type OutputForm, outputOption, type SourceOptions, sourceOptions } from './options.ts';
import { readSource } from './source.ts';
import { sourceFlags } from './source-flags.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';
import { PacketsRefused, UsageError } from './usage.ts';

const HOW = "A packet reads like 'in tcp/8888'; --live needs none.";

interface TraceOptions extends SourceOptions, LiveOptions {
  readonly output: OutputForm | 'dot';
  readonly all?: boolean;
  readonly brief?: boolean;
  readonly connection?: boolean;
}

export const trace = defineCommand<TraceOptions>({
  examples: [
    ["sidestep trace 'in tcp/8888'", 'a new connection from elsewhere to :8888'],
    ["sidestep trace 'out tcp > 10.0.0.5:80 uid 1000'", 'what happens to a call that an app makes'],
    ["sidestep trace 'in tcp 10.0.0.9:40000 > :8888'", 'from whom, to where'],
    ["sidestep trace 'in tcp > [2001:db8::5]:8080'", 'the family is the address’s'],
    ["sidestep trace 'in tcp/8888' --from rules.txt", "in a colleague's rules; no root, no Linux"],
    ["sidestep trace --connection 'in tcp/8888'", 'SYN, SYN-ACK, data and FIN; who talks to whom, what each side sees'],
    ["sidestep trace 'in tcp/8888 reply'", 'only the answer: from whoever got the packet, back to the caller'],
    ["sidestep trace 'in icmp error about out udp > 10.0.0.9:53'", 'the ICMP error about a packet'],
    ["sidestep trace 'in tcp/8080' 'in tcp/8888'", 'several at once: one line each, --all for each walk'],
    [
      "sidestep trace --live 'in tcp/8888'",
      'real packets as they pass, by the kernel’s own word, beside what trace says',
    ],
    ['sidestep trace --live --pid 4711 --count 50 --for 5m', 'whatever comes in or is sent in a namespace'],
    ["sidestep trace --live --from old.json 'in tcp'", 'do packets still pass as they would have then?'],
    ['sidestep trace - < packets.txt -o json', 'one packet a line, one JSON document a line'],
  ],
  declare(command) {
    command.addArgument(
      new Argument(
        '[packet...]',
        "what to follow, like 'in tcp/8888'; what is left out is assumed, and said (with --live: may be anything); - reads lines",
      ),
    );
    sourceOptions(command);
    command.addOption(
      new Option('--table <name>', 'the table of rules that name none (iptables -S)').choices([...TABLES]),
    );
    liveOptions(command);
    command.optionsGroup('What is shown:');
    familyOption(command);
    outputOption(command, 'text', 'json', 'dot');
    command
      .option('--connection', 'whole connections: each packet until it is open, a few later ones, and its end')
      .option('--all', 'every rule, and every walk of several packets')
      .option('--brief', 'only the rules that matched; of several packets only the outcome');
  },
  async run({ args, options, terminal, program }) {
    if (options.all && options.brief) throw new UsageError('--all and --brief exclude each other');
    if (options.live) return (await import('./trace-live.ts')).traceLive(args, options, terminal);
    refuseLiveOptions(options);
    if (args.length === 0) throw new UsageError("missing required argument 'packet'", HOW);
    if (args.length > 1 && WAYS.includes(args[0] ?? '')) {
      const meant = `${program} trace ${shellWord(args.join(' '))}`;
      throw new UsageError('a packet is one word for the shell', `Put it into quotes: ${meant}`);
    }
    if (options.connection && options.output === 'dot') {
      throw new UsageError('-o dot draws one packet', 'Leave --connection out, or take -o json.');
    }
    if (args.includes('-') && options.from === '-') {
      throw new UsageError(
        'packets and rules cannot both come from standard input',
        'Put the rules into a file: --from rules.txt',
      );
    }
    const snapshot = await readSource(options, terminal);
    const questions = await readQuestions(args, snapshot, options);
    if (options.connection) for (const question of questions) mustOpen(question);
    const several = args.length > 1 || args.includes('-');
    const told = { terminal, output: options.output, several, brief: several && !options.all };
    const show: WalkOptions['show'] = options.all ? 'all' : options.brief ? 'matched' : 'fold';
    return options.connection
      ? tell(connectionsIn(snapshot, { show }), questions, told)
      : tell(packetsIn(snapshot, { show }, `${program} `, sourceFlags(options)), questions, told);
  },
});

/** What a packet begins with. */
const WAYS: readonly string[] = ['in', 'out', 'self'];

/** How it is told. */
interface Telling {
  readonly terminal: Terminal;
  readonly output: TraceOptions['output'];
  readonly several: boolean;
  /** One line each. */
  readonly brief: boolean;
}

async function tell<T>(
  following: Following<T>,
  questions: readonly Question[],
  { terminal, output, several, brief }: Telling,
): Promise<ExitStatus> {
  const briefly: T[] = [];
  let status: ExitStatus = EXIT.done;
  for (const question of questions) {
    if (terminal.closed) break;
    const told = following.follow(question);
    if (following.isFinding(told)) status = EXIT.finding;
    if (output === 'json') terminal.json(following.document(told), several ? 'stream' : 'document');
    else if (output === 'dot') terminal.write(following.dot(told));
    else if (brief) briefly.push(told);
    else await terminal.show(several ? [...following.screen(told), BLANK] : following.screen(told));
  }
  if (briefly.length > 0) await terminal.show([following.table(briefly)]);
  return status;
}

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
