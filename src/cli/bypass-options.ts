import { InvalidArgumentError } from 'commander';
import type { Family } from '../address/index.ts';
import { shellWord } from '../explain/index.ts';
import {
  type BypassRequest,
  leewayOf,
  type ManifestKind,
  type Notice,
  namedPorts,
  parsePorts,
} from '../interception/index.ts';
import type { ApplyOptions } from './apply.ts';
import type { SourceOptions } from './options.ts';
import { sourceFlags } from './source-flags.ts';
import { UsageError } from './usage.ts';

export interface BypassOptions extends SourceOptions, ApplyOptions {
  readonly apply?: boolean;
  /** False: --no-witness. */
  readonly witness?: boolean;
  readonly undo?: boolean;
  /** Seconds. */
  readonly for?: number;
  readonly until?: string;
  readonly self?: boolean;
  readonly edit?: boolean;
  readonly ahead?: 'REDIRECT' | 'TPROXY';
  readonly manifest?: ManifestKind;
  readonly image?: string;
}

/** Flags that cannot stand together: the words for both, and what would work. */
type Contradiction = readonly [applies: unknown, message: string, hint?: string];

/** Refuses flags that say different things, or something that would silently be left out. */
export function checkTogether(args: readonly string[], options: BypassOptions): void {
  const { apply: doIt, undo: back, manifest, from, for: span, until, self, edit, ahead, image, output } = options;
  const modes = Object.entries({ '--apply': doIt, '--undo': back, '--manifest': manifest }).flatMap(([flag, value]) =>
    value ? [flag] : [],
  );
  const given = flagsGiven({ '--for': span, '--until': until, '--self': self, '--edit': edit });
  const lost = [...given, ...flagsGiven({ '--family': from === undefined ? options.family : undefined })];
  const late = flagsGiven({ '--for': span, '--until': until, '--ahead': ahead });
  const contradictions: readonly Contradiction[] = [
    [modes.length > 1, `${modes.join(' and ')} exclude each other`],
    [span !== undefined && until !== undefined, '--for and --until exclude each other'],
    [
      from !== undefined && (doIt || back),
      'a file cannot be changed: --apply and --undo need the kernel',
      'Without them, the plan for the file is shown.',
    ],
    [args.length === 0 && !back, 'no port is named', 'For example: sidestep bypass 8888'],
    [
      ahead && edit,
      '--ahead and --edit exclude each other: before the mesh has come there is no list to change',
      'Leave out one of them.',
    ],
    [
      back && late.length > 0,
      `--undo and ${late.join(', ')} exclude each other`,
      'Without it, --undo takes the bypass back at once. To end it later: --apply --for 30m',
    ],
    [
      manifest === 'annotation' && lost.length > 0,
      `the mesh's annotation cannot say ${lost.join(', ')}`,
      '--manifest init-container can.',
    ],
    [
      manifest && output !== 'text',
      `--manifest prints YAML, and -o ${output} would be something else`,
      `Leave out -o, or leave out --manifest: then -o ${output} prints the plan.`,
    ],
    [
      image !== undefined && !manifest,
      '--image belongs to --manifest init-container or --manifest patch',
      'Add one of them, or leave out --image.',
    ],
  ];
  for (const [applies, message, hint] of contradictions) if (applies) throw new UsageError(message, hint);
}

/** What of the flags has no effect, whatever the rules are. */
export function voidFlags({ undo, self, edit, manifest, image, ahead }: BypassOptions): readonly Notice[] {
  const notices = (flags: Readonly<Record<string, unknown>>, message: string): readonly Notice[] =>
    flagsGiven(flags).map((about) => ({ about, message }));
  return [
    ...(undo
      ? notices(
          { '--self': self, '--edit': edit },
          'has no effect: --undo takes back every kind of bypass of the ports',
        )
      : []),
    ...(manifest === 'annotation'
      ? notices({ '--image': image, '--ahead': ahead }, 'has no effect: an annotation runs no container')
      : []),
  ];
}

const flagsGiven = (flags: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(flags).flatMap(([flag, value]) => (value === undefined || value === false ? [] : [flag]));

/** @throws RequestRefused for words that are no ports. */
export function requestOf(args: readonly string[], options: BypassOptions): BypassRequest {
  const now = Math.floor(Date.now() / 1000);
  const { for: span, until: time } = options;
  const until = span !== undefined ? now + span : time === undefined ? undefined : readTime(time, now);
  return {
    ports: parsePorts(args),
    named: namedPorts(args),
    now,
    ...(until === undefined ? {} : { until }),
    ...(span === undefined ? {} : { leeway: leewayOf(span) }),
    ...(options.family ? { families: [options.family] as readonly Family[] } : {}),
    ...(options.self ? { self: true } : {}),
    ...(options.edit ? { edit: true } : {}),
    ...(options.ahead ? { ahead: options.ahead } : {}),
  };
}

/** The same request as it would be typed again: ports, what is asked of them, and where. */
export function againWords(program: string, args: readonly string[], options: BypassOptions): string {
  const { self, edit, ahead, for: span, until } = options;
  const words = [
    ...args,
    ...(self ? ['--self'] : []),
    ...(edit ? ['--edit'] : []),
    ...(ahead ? ['--ahead', ahead] : []),
    ...(span === undefined ? [] : ['--for', spanWord(span)]),
    ...(until === undefined ? [] : ['--until', until]),
  ];
  return `${program} bypass ${words.map(shellWord).join(' ')}${sourceFlags(options)}`;
}

/** `30m`, `2h`, `90s`. */
function spanWord(seconds: number): string {
  const units = { d: 86400, h: 3600, m: 60 };
  const found = Object.entries(units).find(([, size]) => seconds % size === 0);
  return found ? `${seconds / found[1]}${found[0]}` : `${seconds}s`;
}

/** A parser for `--until`: the word itself, once it is known to be a time. */
export function checkedTime(word: string): string {
  const [, date] = /^(\d{4}-\d\d-\d\d)/.exec(word) ?? [];
  if (date !== undefined && !isDate(date)) throw new InvalidArgumentError(`There is no ${date} in the calendar.`);
  if (readTime(word, Math.floor(Date.now() / 1000)) !== undefined) return word;
  throw new InvalidArgumentError('Expected is a time in UTC: 19:30, or 2026-12-01T08:00.');
}

/** Date.parse takes the 31st of February for the 3rd of March. */
function isDate(date: string): boolean {
  const time = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}

const TIME = /^(?:(\d{4}-\d\d-\d\d)(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?))?|((?:[01]?\d|2[0-3]):[0-5]\d))Z?$/;

/** Seconds since 1970; a time without a date is the next one to come. */
export function readTime(word: string, now: number): number | undefined {
  const [shape, date, time = '00:00', alone] = TIME.exec(word) ?? [];
  if (shape === undefined) return undefined;
  const secondsOf = (day: string, clock: string): number => Date.parse(`${day}T${clock.padStart(5, '0')}Z`) / 1000;
  if (date !== undefined) return isDate(date) ? secondsOf(date, time) : undefined;
  const today = secondsOf(new Date(now * 1000).toISOString().slice(0, 10), alone ?? '');
  return today > now ? today : today + 86400;
}
