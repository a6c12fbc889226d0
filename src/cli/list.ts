import { Option } from 'commander';
import { inboundPortOf, listingDocument, listingScreen, withReasons } from '../explain/index.ts';
import { summarise } from '../interception/index.ts';
import { isTableName, type Snapshot, TABLES, type TableName } from '../netfilter/index.ts';
import { defineCommand } from './command.ts';
import { familyOption, type OutputForm, outputOption, type SourceOptions, sourceOptions } from './options.ts';
import { writeSave } from './save.ts';
import { onlyTable, readSource } from './source.ts';
import { sourceFlags } from './source-flags.ts';
import { EXIT } from './status.ts';
import { demandWhole } from './whole.ts';

interface ListOptions extends SourceOptions {
  readonly output: OutputForm;
  readonly table?: TableName;
  readonly counters?: boolean;
}

export const list = defineCommand<ListOptions>({
  examples: [
    ['sidestep list', 'who is intercepted in this network namespace, then the chains'],
    ['sidestep list --pid 4711', 'in the namespace of a process'],
    ['sidestep list --from rules.txt', 'what iptables-save printed elsewhere; no root, no Linux'],
    ['sidestep list -o save --table nat', 'the rules as the kernel reprints them'],
    ['sidestep list --counters', 'with the packets that each rule saw'],
  ],
  declare(command) {
    sourceOptions(command);
    command.optionsGroup('What is shown:');
    familyOption(command);
    command.addOption(
      new Option('--table <name>', 'this table only; also the table of rules that name none (iptables -S)').choices([
        ...TABLES,
      ]),
    );
    command.option('--counters', 'the packets that each rule saw');
    outputOption(command, 'text', 'json', 'save');
  },
  async run({ options, terminal, program }) {
    const whole = await readSource(options, terminal);
    const table = options.table !== undefined && isTableName(options.table) ? options.table : undefined;
    const snapshot = onlyTable(whole, table);
    const counters = options.counters ?? false;
    if (options.output === 'save') {
      demandWhole(snapshot, 'they cannot be printed as iptables-save prints them');
      await writeSave(snapshot.held, { counters, native: snapshot.native ?? [] }, terminal);
      return EXIT.done;
    }
    const now = Math.floor(Date.now() / 1000);
    // Who is intercepted is a question to all tables, whichever are shown.
    const summary = summarise(whole, now);
    if (options.output === 'json') terminal.json(listingDocument(snapshot, summary));
    else {
      const example = `in tcp/${inboundPortOf(summary) ?? 8080}`;
      const next = { why: 'Follow a packet', command: `${program} trace '${example}'${sourceFlags(options)}` };
      await terminal.show(
        listingScreen(withReasons(snapshot), summary, {
          now,
          counters,
          ...(table === undefined ? {} : { table }),
          ...(isShown(snapshot) ? { next } : {}),
        }),
      );
    }
    return EXIT.done;
  },
});

/** A packet is worth following where there are rules. */
const isShown = ({ held, native = [] }: Snapshot): boolean =>
  native.length > 0 || held.some(({ rules }) => rules.tables.length > 0);
