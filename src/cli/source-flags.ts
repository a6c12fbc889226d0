import { shellWord } from '../explain/index.ts';
import type { SourceOptions } from './options.ts';

type Where = { readonly [Key in keyof SourceOptions]?: SourceOptions[Key] | undefined };

/** The flags that say where rules are, as they were typed: for the command that a hint proposes. */
export function sourceFlags(options: Where): string {
  const flags: readonly (readonly [flag: string, value: string | number | undefined])[] = [
    ['--netns', options.netns],
    ['--pid', options.pid],
    ['--container', options.container],
    ['--backend', options.backend],
    ['--from', options.from],
    ['--family', options.family],
  ];
  const keepGoing = options.keepGoing ? ' --keep-going' : '';
  const named = flags
    .flatMap(([flag, value]) => (value === undefined ? [] : [` ${flag} ${shellWord(String(value))}`]))
    .join('');
  return named + keepGoing;
}
