import type { Desired } from '../linux/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { type ApplyOptions, applyChange, isOn, tellChange } from './apply.ts';
import { defineCommand } from './command.ts';
import { namespaceOptions, outputOption } from './options.ts';
import { loadLinux, selector } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';

export interface CleanOptions extends ApplyOptions {
  readonly expired?: boolean;
}

export const clean = defineCommand<CleanOptions>({
  examples: [
    ['sidestep clean', 'take away the interception and the bypasses; what others wrote stays'],
    ['sidestep clean --expired', 'only bypasses whose time is over'],
    ['sidestep clean --dry-run', 'only show what would go'],
  ],
  declare(command) {
    namespaceOptions(command);
    command
      .optionsGroup('How:')
      .option('--expired', 'only bypasses that have expired')
      .option('-n, --dry-run [boolean]', 'show what would go, and change nothing');
    outputOption(command, 'text', 'json', 'save');
  },
  run: ({ options, terminal }) => cleanUp(options, terminal),
});

/** Takes away all that init and bypass made in a namespace, or only what has expired. */
export async function cleanUp(
  options: CleanOptions & { readonly path?: string },
  terminal: Terminal,
): Promise<ExitStatus> {
  const expired = isOn(options.expired);
  const applied = await applyChange(options, (before) => (expired ? withoutExpiredIn(before) : withoutOurs(before)));
  if (!expired) await withoutWatchTables(options, terminal);
  const nothing = expired ? 'no bypass has expired.' : 'there is no interception and no bypass here.';
  await tellChange(applied, { output: options.output, notices: [], nothing }, terminal);
  return EXIT.done;
}

/** What a `trace --live` that was killed may have left on an old kernel. */
async function withoutWatchTables(options: CleanOptions, terminal: Terminal): Promise<void> {
  const { leftWatchTables, openNamespace, removeWatchTables } = await loadLinux();
  const namespace = openNamespace(selector(options));
  const dry = isOn(options.dryRun);
  const left = await (dry ? leftWatchTables(namespace) : removeWatchTables(namespace));
  if (left.length === 0) return;
  const { paragraph } = await import('../explain/index.ts');
  const what = left.length === 1 ? `the table ${left[0]}` : `the tables ${left.join(', ')}`;
  const done = dry ? 'would be taken away' : left.length === 1 ? 'is taken away' : 'are taken away';
  await terminal.say([paragraph(`sidestep: ${what}, left by trace --live, ${done}.`, 2)]);
}

async function withoutExpiredIn({ held }: Snapshot): Promise<Desired> {
  const { withoutExpired } = await import('../interception/index.ts');
  const now = Math.floor(Date.now() / 1000);
  return { held: held.map(({ backend, rules }) => ({ backend, rules: withoutExpired(rules, now) })) };
}

async function withoutOurs(before: Snapshot): Promise<Desired> {
  const { cleaned, nativeWishes, routingAfter, unbypassed } = await import('../interception/index.ts');
  const now = Math.floor(Date.now() / 1000);
  const held = before.held.map(({ backend, rules }) => ({ backend, rules: unbypassed(rules, { ports: [], now }) }));
  const together = held.map(({ rules }) => rules);
  return {
    held: held.map(({ backend, rules }) => ({ backend, rules: cleaned(rules, together) })),
    native: nativeWishes(before, undefined),
    routing: routingAfter(before, undefined),
  };
}
