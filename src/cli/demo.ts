import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import type { Claim, DemoDialect, Scene, Stage, Told } from '../demo/index.ts';
import { BLANK, bad, faint, good, line, paragraph, type Screen, strong } from '../explain/index.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './status.ts';
import { NotHere } from './usage.ts';

interface DemoOptions {
  readonly dialect: DemoDialect;
  readonly pause?: true;
  readonly output: 'text' | 'json';
}

/** `sidestep demo`: the 2018 story on a real kernel. Exit status 1 when a claim does not hold. */
export const demo = defineCommand<DemoOptions>({
  examples: [
    ['sidestep demo', 'intercept, list, follow, step aside and back, in namespaces of its own'],
    ['sidestep demo --dialect istio', "the same with today's Istio rules"],
    ['sidestep demo --pause', 'wait for Enter after each step'],
    ['sidestep demo -o json', 'what was done, what was seen, and every claim with its check'],
  ],
  declare: (command) =>
    void command
      .addOption(
        new Option('--dialect <name>', 'whose rules are written')
          .choices(['istio-2018', 'istio'])
          .default('istio-2018'),
      )
      .option('--pause', 'wait for Enter after each step')
      .addOption(new Option('-o, --output <form>', 'how it is told').choices(['text', 'json']).default('text')),
  async run({ options, terminal }) {
    if (process.platform !== 'linux')
      throw new NotHere('the demo needs the network namespaces of Linux', 'What reads from a file works here: --from.');
    const { openStage, story } = await import('../demo/index.ts');
    const columns = Number(process.env.COLUMNS) || process.stdout.columns || 120;
    const stage = await openStage({ columns: columns - INDENT.length, colour: terminal.interactive });
    const leave = leaveOnSignal(stage);
    const told: Told[] = [];
    try {
      for (const scene of story(options.dialect)) {
        const number = told.length + 1;
        if (options.output === 'text') await terminal.show(heading(number, scene.title));
        const done = { title: scene.title, ...(await played(scene, stage)) };
        told.push(done);
        if (options.output === 'text') {
          await terminal.show(done.commands.map((command) => paragraph(line(faint('  $ '), strong(command)), 6)));
          terminal.write(indented(done.output));
          await terminal.show(done.claims.map(claimLine));
          if (options.pause) await pause();
        }
        if (done.claims.some(({ holds }) => !holds)) break;
      }
    } finally {
      stage.close();
      leave();
    }
    const broken = told.flatMap(({ claims }) => claims).filter(({ holds }) => !holds);
    if (options.output === 'json')
      terminal.json({ schema: 'sidestep/demo/1', dialect: options.dialect, holds: broken.length === 0, steps: told });
    else await terminal.show(closing(told, broken));
    return broken.length === 0 ? EXIT.done : EXIT.finding;
  },
});

/** Milliseconds in which a signal is heard that has been sent. */
const HEARING = 50;

/**
 * Plays a scene. Ctrl-C reaches every program of the story, and one may end, and the scene fail, before this process has heard of
 * it: where a scene fails, there is a moment to hear why.
 */
async function played(scene: Scene, stage: Stage): Promise<Omit<Told, 'title'>> {
  try {
    const told = await scene.run(stage);
    if (told.claims.some(({ holds }) => !holds)) await sleep(HEARING);
    return told;
  } catch (error) {
    await sleep(HEARING);
    throw error;
  }
}

const INDENT = '    ';

const heading = (number: number, title: string): Screen => [BLANK, paragraph(line(strong(`${number}  ${title}`)), 3)];

const indented = (output: string): string =>
  output.trimEnd() === '' ? '' : `${output.trimEnd().replace(/^(?=.)/gm, INDENT)}\n`;

const claimLine = ({ text, holds, seen }: Claim) =>
  paragraph(
    holds
      ? line(good('  ✓ '), text)
      : line(bad('  ✗ '), text, seen === undefined ? '' : `: ${seen.replace(/\n/g, '; ')}`),
    4,
  );

function closing(told: readonly Told[], broken: readonly Claim[]): Screen {
  const count = told.reduce((sum, { claims }) => sum + claims.length, 0);
  if (broken.length > 0) return [BLANK, ...broken.map(({ text }) => paragraph(line(bad('This did not hold: '), text)))];
  return [
    BLANK,
    paragraph(
      line(good(`All ${count} claims held.`), ' Each was checked against the kernel and the proxy’s own record.'),
    ),
    paragraph('The namespaces are gone. On a pod of your own: sidestep list --pid PID, sidestep bypass 8888 --pid PID'),
  ];
}

/** Takes the stage apart when the demo is told to stop; returns what stops listening for that. */
function leaveOnSignal(stage: Stage): () => void {
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const listeners = Object.entries(signals).map(([signal, status]) => {
    const listener = (): void => {
      stage.close();
      process.exit(status);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const stop of listeners) stop();
  };
}

/** Waits for a line, or for anything else that comes: the end of the input means that nobody is there to wait for. */
async function pause(): Promise<void> {
  const { stdin, stderr } = process;
  stderr.write(`${INDENT}Enter to go on `);
  if (!stdin.readableEnded && !stdin.destroyed) {
    await new Promise<void>((resolve) => {
      for (const event of ['data', 'end', 'error']) stdin.once(event, () => resolve());
      stdin.resume();
    });
    stdin.pause();
  }
  if (!stdin.isTTY) stderr.write('\n');
}
