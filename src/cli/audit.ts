import { Option } from 'commander';
import { auditDocument, audit as auditOf, auditScreen, isAtLeast, LEVELS, type Level, sarif } from '../audit/index.ts';
import { defineCommand } from './command.ts';
import { familyOption, outputOption, type SourceOptions, sourceOptions } from './options.ts';
import { sayUnread } from './said.ts';
import { enterWords, readSource } from './source.ts';
import { sourceFlags } from './source-flags.ts';
import { EXIT } from './status.ts';
import { versionOf } from './version.ts';
import { askedBy, isWritten, writtenFrom } from './written.ts';

interface AuditOptions extends SourceOptions {
  readonly output: 'text' | 'json' | 'sarif';
  readonly failOn: Level | 'never';
}

export const audit = defineCommand<AuditOptions>({
  examples: [
    ['sidestep audit', 'where all packets go in this network namespace, and what is the matter with it'],
    ['sidestep audit --pid 4711', 'in the namespace of a process'],
    ['sidestep audit --from rules.txt', 'what iptables-save printed elsewhere; no root, no Linux'],
    [
      `sidestep audit --from "init -b 8080 -d 8080"`,
      'what init would write for these flags, and which of them are void',
    ],
    ['sidestep audit --fail-on high', 'exit status 1 only for what is urgent'],
    ['sidestep audit --from rules.txt -o sarif > audit.sarif', 'for a code scanner'],
  ],
  declare(command) {
    sourceOptions(command);
    command.optionsGroup('What is shown:');
    familyOption(command);
    command.addOption(
      new Option('--fail-on <level>', 'exit with 1 for findings of this level and above')
        .choices([...LEVELS, 'never'])
        .default('info'),
    );
    outputOption(command, 'text', 'json', 'sarif');
  },
  async run({ options, terminal, program }) {
    const { output, failOn, from, netns, pid, container } = options;
    const there = sourceFlags({ netns, pid, container });
    const asked = from !== undefined && isWritten(from) ? await askedBy(from) : undefined;
    const snapshot = asked && from ? writtenFrom(asked, from) : await readSource(options, terminal);
    await sayUnread(snapshot, terminal);
    const enter = from === undefined ? await enterWords(options) : [];
    const found = auditOf(
      snapshot,
      Math.floor(Date.now() / 1000),
      (words) => `${program} ${words}${there}`,
      asked?.interception,
      enter,
    );
    if (output === 'json') terminal.json(auditDocument(found));
    else if (output === 'sarif')
      terminal.json(
        sarif(found, { version: versionOf(), ...(from === undefined || from === '-' || asked ? {} : { file: from }) }),
      );
    else await terminal.show(auditScreen(found));
    const fails = found.findings.some(({ level }) => failOn !== 'never' && isAtLeast(level, failOn));
    return fails ? EXIT.finding : EXIT.done;
  },
});
