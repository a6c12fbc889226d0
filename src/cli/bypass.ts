import { Argument, InvalidArgumentError, Option } from 'commander';
import type { Family } from '../address/index.ts';
import { checkBypass, familyWord, planDocument, planScreen } from '../explain/index.ts';
import {
  afterBypass,
  type BypassRequest,
  MANIFESTS,
  type ManifestKind,
  manifest,
  parsePorts,
  planBypass,
  proxyPortsOf,
  unbypassed,
} from '../interception/index.ts';
import type { Desired } from '../linux/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { type ApplyOptions, applyChange, tellChange } from './apply.ts';
import { type Call, defineCommand } from './command.ts';
import { familyOption, outputOption, type SourceOptions, seconds, sourceOptions } from './options.ts';
import { writeSave } from './save.ts';
import { readSource } from './source.ts';
import { sourceFlags } from './source-flags.ts';
import { EXIT, type ExitStatus } from './status.ts';
import { UsageError } from './usage.ts';

interface BypassOptions extends SourceOptions, ApplyOptions {
  readonly apply?: boolean;
  readonly undo?: boolean;
  readonly for?: number;
  readonly until?: string;
  readonly self?: boolean;
  readonly edit?: boolean;
  readonly ahead?: 'REDIRECT' | 'TPROXY';
  readonly manifest?: ManifestKind;
  readonly image?: string;
}

export const bypass = defineCommand<BypassOptions>({
  examples: [
    ['sidestep bypass 8888', 'the plan: which rule, what it changes, what it does not cover'],
    ['sidestep bypass 8888 --apply', 'does it; a second run changes nothing'],
    ['sidestep bypass 8888 --apply --for 30m', 'and the kernel itself ends it'],
    ['sidestep bypass 8888 9000-9010 --apply', 'several ports and ranges'],
    ['sidestep bypass 8888 --undo', 'back to the proxy; without ports, all of them'],
    ['sidestep bypass 8888 --from rules.txt', 'the plan for rules from a file'],
    ['sidestep bypass 8888 --manifest init-container', 'YAML for a fleet of pods'],
  ],
  declare(command) {
    command.addArgument(new Argument('[ports...]', 'ports and ranges: 8888 9000-9010, or 80,443'));
    command
      .optionsGroup('What is done:')
      .option('--apply', 'carry the plan out')
      .option('--undo', 'take bypasses away again: those of the ports, or all')
      .addOption(new Option('--for <time>', 'let the kernel end it after a time: 30m, 2h').argParser(seconds))
      .addOption(new Option('--until <time>', 'or at a time, in UTC: 19:30, 2026-12-01T08:00').argParser(checkedTime))
      .option('--self', "the pod's own calls to its address too")
      .option('--edit', "change the mesh's own list of ports instead of adding a rule before it")
      .addOption(
        new Option('--ahead <mode>', 'though nothing is intercepted yet: the mesh comes later').choices([
          'REDIRECT',
          'TPROXY',
        ]),
      )
      .option('-n, --dry-run', 'show what --apply or --undo would change, and change nothing')
      .addOption(new Option('--manifest <kind>', 'print Kubernetes YAML instead').choices(MANIFESTS))
      .option('--image <name>', 'the image of the init container');
    sourceOptions(command);
    command.optionsGroup('What is shown:');
    familyOption(command);
    outputOption(command, 'text', 'json', 'save');
  },
  async run(call) {
    const { args, options } = call;
    checkTogether(args, options);
    const request = requestOf(args, options);
    if (options.manifest) return printManifest(options.manifest, request, call);
    if (options.undo) return undo(request, call);
    return options.apply ? apply(request, call) : plan(request, call);
  },
});

/** Flags that say different things. */
function checkTogether(
  args: readonly string[],
  { apply: doIt, undo: back, manifest, from, for: span, until }: BypassOptions,
): void {
  const modes = Object.entries({ '--apply': doIt, '--undo': back, '--manifest': manifest }).filter(
    ([, value]) => value,
  );
  if (modes.length > 1) throw new UsageError(`${modes.map(([flag]) => flag).join(' and ')} exclude each other`);
  if (span !== undefined && until !== undefined) throw new UsageError('--for and --until exclude each other');
  if (from !== undefined && (doIt || back)) {
    throw new UsageError(
      'a file cannot be changed: --apply and --undo need the kernel',
      'Without them, the plan for the file is shown.',
    );
  }
  if (args.length === 0 && !back) throw new UsageError('no port is named', 'For example: sidestep bypass 8888');
}

function requestOf(args: readonly string[], options: BypassOptions): BypassRequest {
  const now = Math.floor(Date.now() / 1000);
  const until =
    options.for !== undefined ? wholeMinute(now + options.for) : options.until && readTime(options.until, now);
  return {
    ports: parsePorts(args),
    now,
    ...(until === undefined || until === '' ? {} : { until }),
    ...(options.family ? { families: [options.family] as readonly Family[] } : {}),
    ...(options.self ? { self: true } : {}),
    ...(options.edit ? { edit: true } : {}),
    ...(options.ahead ? { ahead: options.ahead } : {}),
  };
}

/** Up to the next full minute: a run within the same minute then asks for the same rule. */
const wholeMinute = (time: number): number => Math.ceil(time / 60) * 60;

function checkedTime(word: string): string {
  if (readTime(word, Math.floor(Date.now() / 1000)) !== undefined) return word;
  throw new InvalidArgumentError('Expected is a time in UTC: 19:30, or 2026-12-01T08:00.');
}

/** Seconds since 1970; a time without a date is the next one to come. */
function readTime(word: string, now: number): number | undefined {
  const [, hour, minute] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(word) ?? [];
  if (hour !== undefined && minute !== undefined) {
    const midnight = Math.floor(now / 86400) * 86400;
    const today = midnight + Number(hour) * 3600 + Number(minute) * 60;
    return today > now ? today : today + 86400;
  }
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?Z?$/.test(word)) return undefined;
  const time = Date.parse(`${word.replace(' ', 'T').replace(/Z$/, '')}${word.includes(':') ? 'Z' : ''}`);
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
}

/** The plan for a file or for the kernel as it is; nothing changes. */
async function plan(
  request: BypassRequest,
  { options, terminal, args, program }: Call<BypassOptions>,
): Promise<ExitStatus> {
  // The family says which bypass is wanted. Only of a file it also says whose rules they are.
  const { family, ...anyFamily } = options;
  const snapshot = await readSource(options.from !== undefined ? options : anyFamily, terminal);
  const planned = planBypass(snapshot, request);
  const check = checkBypass(snapshot, afterBypass(snapshot, planned), request, proxyPortsOf(snapshot));
  if (options.output === 'json') terminal.json(planDocument(planned, check, snapshot.origin));
  else if (options.output === 'save')
    await writeSave(afterBypass(snapshot, planned).held, { counters: false }, terminal);
  else {
    const again = `${program} bypass ${args.join(' ')}${sourceFlags(options)}`;
    await terminal.show(
      planScreen(planned, check, closing(planned.changes.length > 0, options.from !== undefined, again)),
    );
  }
  return check.asMeant ? EXIT.done : EXIT.finding;
}

function closing(changes: boolean, file: boolean, again: string): string {
  if (file) return 'Nothing has been changed: the rules came from a file. --manifest init-container is for a fleet.';
  return changes
    ? `Nothing has been changed. ${again} --apply does it; --for 30m lets the kernel end it; --manifest init-container is for a fleet.`
    : 'Nothing has been changed.';
}

async function apply(
  request: BypassRequest,
  { options, terminal, args, program }: Call<BypassOptions>,
): Promise<ExitStatus> {
  const applied = await applyChange(
    options,
    (before, backend): Desired => ({ held: afterBypass(before, { request }, backend).held }),
  );
  const { before, after, backend } = applied;
  const planned = planBypass(before, request, backend);
  // On the rules as they were read back, not as they were meant.
  const check = checkBypass(before, after, request, proxyPortsOf(before));
  const undoing = `Undo it: ${program} bypass ${args.join(' ')} --undo${sourceFlags(options)}`;
  const nothing = [...planned.already, ...planned.unneeded]
    .map(({ family, because }) => `${familyWord(family)}: ${because}`)
    .join('; ');
  await tellChange(
    applied,
    {
      output: options.output,
      notices: planned.notCovered,
      nothing: `${nothing}.`,
      next: undoing,
      check,
    },
    terminal,
  );
  return check.asMeant ? EXIT.done : EXIT.finding;
}

async function undo(request: BypassRequest, { options, terminal }: Call<BypassOptions>): Promise<ExitStatus> {
  const compute = ({ held }: Snapshot): Desired => ({
    held: held.map(({ backend, rules }) => ({ backend, rules: unbypassed(rules, request) })),
  });
  const applied = await applyChange(options, compute);
  const nothing = nothingToUndo(applied.before, request);
  await tellChange(applied, { output: options.output, notices: [], nothing }, terminal);
  return EXIT.done;
}

/** A rule that somebody else made is somebody else's to take away. */
function nothingToUndo(before: Snapshot, request: BypassRequest): string {
  if (request.ports.length === 0) return 'no bypass of Sidestep stands in the rules.';
  const [foreign] = planBypass(before, request).already;
  return `no bypass of Sidestep's is there for these ports${foreign ? `; ${foreign.because}` : ''}.`;
}

/** YAML for a fleet. A pod that was named shows which mesh it is, and which ports that leaves out today. */
async function printManifest(
  kind: ManifestKind,
  request: BypassRequest,
  { options, terminal }: Call<BypassOptions>,
): Promise<ExitStatus> {
  const { from, netns, pid, container, image } = options;
  const named = [from, netns, pid, container].some((source) => source !== undefined);
  const snapshot = named ? await readSource(options, terminal) : undefined;
  terminal.write(manifest(kind, request, { ...(image ? { image } : {}), ...(snapshot ? { snapshot } : {}) }));
  return EXIT.done;
}
