import { type Command, Option } from 'commander';
import { seconds, wholeNumber } from './options.ts';
import { UsageError } from './usage.ts';

/** What `trace --live` is told. */
export interface LiveOptions {
  readonly live?: boolean;
  readonly count?: number;
  /** Seconds. */
  readonly for?: number;
}

/** Where nothing is said: it ends by itself. */
export const BOUNDS = { count: 10, seconds: 60 } as const;

export const liveOptions = (command: Command): Command =>
  command
    .optionsGroup('Real packets:')
    .option('--live', 'follow packets as they pass, as the kernel tells it; the packets given say which')
    .addOption(
      new Option('--count <n>', `with --live: end after so many packets (${BOUNDS.count})`).argParser(
        wholeNumber('a number of packets', 1, 1_000_000),
      ),
    )
    .addOption(new Option('--for <time>', 'with --live: end after so long (1m)').argParser(seconds));

/** Throws UsageError where they are given without --live. */
export function refuseLiveOptions(options: LiveOptions): void {
  for (const key of ['count', 'for'] as const) {
    if (options[key] !== undefined)
      throw new UsageError(`--${key} goes with --live`, 'A packet that is asked about is one.');
  }
}
