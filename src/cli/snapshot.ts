import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { doneLine } from '../explain/index.ts';
import { printSnapshot } from '../text/index.ts';
import { defineCommand } from './command.ts';
import { familyOption, type SourceOptions, sourceOptions } from './options.ts';
import { sayUnread } from './said.ts';
import { readSource } from './source.ts';
import { EXIT } from './status.ts';
import { UnreadableInput, whyUnwritable } from './usage.ts';
import { demandWhole } from './whole.ts';

interface SnapshotOptions extends SourceOptions {
  readonly out?: string;
}

export const snapshot = defineCommand<SnapshotOptions>({
  examples: [
    ['sidestep snapshot --out pod.json', 'rules, addresses, routes, listening sockets of this network namespace'],
    ['sidestep snapshot --container 3f2a --out pod.json', 'of a container'],
    ["sidestep trace 'in tcp/8888' --from pod.json", 'then follow packets anywhere'],
  ],
  declare(command) {
    sourceOptions(command);
    familyOption(command.optionsGroup('What is written:'));
    command.option('--out <file>', 'write it to a file instead of standard output');
    // A snapshot is one form only; scripts say -o json everywhere.
    command.addOption(new Option('-o, --output <form>', 'always json').choices(['json']).default('json'));
  },
  async run({ options, terminal }) {
    const read = await readSource(options, terminal);
    await sayUnread(read, terminal);
    demandWhole(read, 'no snapshot can be made of them');
    const text = printSnapshot(read);
    if (options.out === undefined) {
      terminal.write(text.endsWith('\n') ? text : `${text}\n`);
      return EXIT.done;
    }
    try {
      await writeFile(options.out, text);
    } catch (error) {
      throw new UnreadableInput(
        options.out,
        `cannot be written: ${whyUnwritable(error as Error)}`,
        'Name another file: --out FILE',
      );
    }
    await terminal.say([doneLine(`${options.out}: a snapshot of ${read.origin}`)]);
    return EXIT.done;
  },
});
