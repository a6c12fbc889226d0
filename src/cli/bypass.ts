import { Argument, Option } from 'commander';
import { type PortRange, union } from '../address/index.ts';
import {
  changeDocument,
  coverOf,
  faint,
  familyWord,
  isAsAsked,
  line,
  nextBlock,
  paragraph,
  placed,
  planDocument,
  planScreen,
  refusalBy,
  ruleChanges,
  type Screen,
  sentBlocks,
  type Told,
  typed,
} from '../explain/index.ts';
import {
  afterBypass,
  type BypassRequest,
  bypassesIn,
  changesBetween,
  inUtc,
  isOver,
  MANIFESTS,
  nativeAfter,
  nativeSets,
  notCoveredByUndo,
  planBypass,
  proxyPortsOf,
  unbypassed,
  voidIn,
  withNativeSets,
} from '../interception/index.ts';
import type { Desired } from '../linux/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { printNft } from '../text/index.ts';
import { type Applied, applyChange, isOn, sayNotices, tellChange } from './apply.ts';
import { printManifest } from './bypass-manifest.ts';
import { againWords, type BypassOptions, checkedTime, checkTogether, requestOf, voidFlags } from './bypass-options.ts';
import { exitOf, type Planned, planned, sayDoubts, toldOf } from './bypass-told.ts';
import { witnessing } from './bypass-witness.ts';
import { type Call, defineCommand } from './command.ts';
import { familyOption, outputOption, seconds, sourceOptions } from './options.ts';
import { writeSave } from './save.ts';
import { readSource } from './source.ts';
import { sourceFlags } from './source-flags.ts';
import { EXIT, type ExitStatus } from './status.ts';
import { demandWhole } from './whole.ts';

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
      .option(
        '--no-witness',
        'with --apply: do not send packets through the rules before and after. They show that the kernel does what was proved; they are dropped behind the last rule, so that no program gets one and none leaves, but rules count them and may log them',
      )
      .option('--undo', 'take bypasses away again: those of the ports, or all')
      .addOption(
        new Option(
          '--for <time>',
          'let the kernel end it after a time: 30m, 2h; run again, it ends so much later',
        ).argParser(seconds),
      )
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
      .addOption(
        new Option('--manifest <kind>', 'print Kubernetes YAML instead; of a plan that is refused, none').choices(
          MANIFESTS,
        ),
      )
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
    await sayNotices(voidFlags(options), call.terminal);
    if (options.manifest) return printManifest(options.manifest, request, call);
    if (options.undo) return undo(request, call);
    return options.apply ? apply(request, call) : showPlan(request, call);
  },
});

/** The plan for a file or for the kernel as it is; nothing changes. */
async function showPlan(
  request: BypassRequest,
  { options, terminal, args, program }: Call<BypassOptions>,
): Promise<ExitStatus> {
  // The family says which bypass is wanted. Only of a file it also says whose rules they are.
  const { family, ...anyFamily } = options;
  const snapshot = await readSource(options.from !== undefined ? options : anyFamily, terminal);
  await sayNotices(voidIn(snapshot, request), terminal);
  const made = planned(snapshot, request);
  const { plan, told } = made;
  if (options.output === 'json') terminal.json(planDocument(plan, told, snapshot.origin));
  else if (options.output === 'save') {
    demandWhole(snapshot, 'they cannot be printed as iptables-save prints them');
    await sayDoubts(made, NO_RULES, terminal);
    if (!told.refused) await writeSave(afterBypass(snapshot, plan).held, { counters: false }, terminal);
  } else {
    const end = closing(made, snapshot, options, againWords(program, args, options));
    await terminal.show(planScreen(plan, told, end));
  }
  return exitOf(told);
}

/** What iptables-restore takes is not printed where it should take nothing. */
const NO_RULES = 'No rules are printed';

/** What to do with a plan; `again` is the command that made it. */
function closing({ plan, told }: Planned, before: Snapshot, { from }: BypassOptions, again: string): Screen {
  const { changes, request } = plan;
  const file = from === undefined ? '' : ': the rules came from a file';
  if (changes.length === 0) return [paragraph(line(faint(`Nothing has been changed${file}.`)))];
  if (told.refused !== undefined) {
    const refusal = file === '' ? ', and --apply refuses to' : `${file}. --apply refuses to change such rules`;
    return [paragraph(line(faint(`Nothing has been changed${refusal}: ${told.refused}.`)))];
  }
  const fleet = nextBlock({ why: 'For a fleet', command: `${again} --manifest init-container` });
  if (from !== undefined) return [paragraph(line(faint(`Nothing has been changed${file}.`))), fleet];
  // Istio's native tables take no rule that ends.
  const ends =
    request.until === undefined && nativeSets(before).length === 0 ? '; with --for 30m the kernel ends it' : '';
  const does = isAsAsked(told) ? ' does it' : ' does so much of it';
  return [
    paragraph(line(faint('Nothing has been changed. '), typed(`${again} --apply`), faint(`${does}${ends}.`))),
    fleet,
  ];
}

const OTHERWISE = 'the kernel does something else than was proved';

async function apply(
  request: BypassRequest,
  { options, terminal, args, program }: Call<BypassOptions>,
): Promise<ExitStatus> {
  let refused: Told | undefined;
  let best = request;
  let why: string | undefined;
  const eyes = options.witness === false || isOn(options.dryRun) ? undefined : witnessing(options);
  const applied = await applyChange(options, async (before, backend): Promise<Desired> => {
    const chosen = placed(before, request, proxyPortsOf(before));
    const after = afterBypass(before, { request: chosen.request }, backend);
    const changes = planBypass(before, chosen.request, backend).changes.length > 0;
    // Asked once more of the rules as they are then, it has nothing to choose any more.
    if (changes) [best, why] = [chosen.request, chosen.why];
    const refusal =
      refusalBy(chosen.proof) ??
      (changes && (await eyes?.before(before, after, chosen.request)) === false ? OTHERWISE : undefined);
    refused =
      refusal === undefined
        ? undefined
        : { ...toldOf(before, after, chosen.request, chosen.proof), why: chosen.why, refused: refusal };
    return refused ? { held: before.held } : { held: after.held, native: wishesOf(before, after.native) };
  });
  const { before, after, backend } = applied;
  const plan = planBypass(before, best, backend);
  if (refused) {
    const end = [paragraph(line(faint(`Nothing has been changed: ${refused.refused}.`)))];
    const screen = [...(eyes?.sent ? sentBlocks(eyes.sent) : []), ...planScreen(plan, refused, end)];
    if (options.output === 'json') terminal.json(planDocument(plan, refused, before.origin));
    else if (options.output === 'save') await terminal.say(screen, 'error');
    else await terminal.show(screen);
    return EXIT.finding;
  }
  const command = `${program} bypass ${args.join(' ')} --undo${sourceFlags(options)}`;
  if (applied.changed && (await eyes?.after(after)) === false) {
    // What was promised is not so: then the rules that were there before are the safe ones.
    const back = await putBack(options, applied, afterBypass(before, plan, backend));
    const therefore = back
      ? 'The bypass has been taken back: the rules are as they were.'
      : `Other rules have changed, too. Undo it: ${command}`;
    const sent = { packets: [], left: [], ...eyes?.sent, therefore };
    const bypass = { ports: request.ports, unchanged: [], notCovered: [], sent };
    if (options.output === 'json')
      terminal.json(changeDocument({ ...applied, after: back ? before : after, notices: [], bypass }));
    else await terminal.show(sentBlocks(sent));
    return EXIT.finding;
  }
  // On the rules as they were read back, not as they were meant.
  const told = { ...toldOf(before, after, best), why };
  const unchanged = [...plan.already, ...plan.unneeded];
  const nothing = isOver(request)
    ? `the end, ${inUtc(request.until ?? 0)}, has come`
    : unchanged.map(({ family, because }) => `${familyWord(family)}: ${because}`).join('; ') ||
      'there is no rule that would let these ports pass';
  await sayNotices(voidIn(before, request), terminal);
  await tellChange(
    applied,
    {
      output: options.output,
      notices: plan.notCovered,
      nothing: `${nothing}.`,
      next: { why: 'Undo it', command },
      told,
      sent: eyes?.sent,
      plan,
      bypass: { ports: request.ports, ...endOf(request), unchanged, notCovered: coverOf(plan), sent: eyes?.sent },
    },
    terminal,
  );
  if (options.output === 'save') await sayDoubts({ plan, told }, NO_RULES, terminal);
  return exitOf(told);
}

/** Puts back the rules that were there before, where nobody else has changed any. */
async function putBack(options: BypassOptions, { before, after }: Applied, meant: Snapshot): Promise<boolean> {
  if (ruleChanges(meant, after).length > 0) return false;
  const { changed } = await applyChange(options, (now) =>
    ruleChanges(now, after).length > 0
      ? { held: now.held }
      : { held: before.held, native: wishesOf(now, before.native) },
  );
  return changed;
}

async function undo(request: BypassRequest, { options, terminal }: Call<BypassOptions>): Promise<ExitStatus> {
  const compute = (now: Snapshot): Desired => ({
    held: now.held.map(({ backend, rules }) => ({ backend, rules: unbypassed(rules, request) })),
    native: wishesOf(
      now,
      nativeAfter(now, (rules) => unbypassed(rules, request)),
    ),
  });
  const applied = await applyChange(options, compute);
  const { before } = applied;
  const nothing = nothingToUndo(before, request);
  const taken = withNativeSets(before).held.flatMap(({ rules, backend }) =>
    changesBetween(rules, unbypassed(rules, request), backend),
  );
  const ports = request.ports.length > 0 ? request.ports : joined(bypassesIn(before).flatMap((one) => one.ports));
  const bypass = { ports, unchanged: [], notCovered: notCoveredByUndo(taken) };
  await tellChange(applied, { output: options.output, notices: [], nothing, bypass }, terminal);
  return EXIT.done;
}

/** Sorted, each port once. */
const joined = (ports: readonly PortRange[]) => union(ports) as readonly PortRange[];

const endOf = ({ until }: BypassRequest) => (until === undefined ? {} : { until });

/** Native tables that are to be written anew, with the counters that they have. */
const wishesOf = ({ native: before = [] }: Snapshot, after: Snapshot['native'] = []): NonNullable<Desired['native']> =>
  after
    .filter((table) => !before.includes(table))
    .map((table) => ({ name: table.name, text: printNft([table], { state: true }) }));

/** A rule that somebody else made is somebody else's to take away. */
function nothingToUndo(before: Snapshot, request: BypassRequest): string {
  if (request.ports.length === 0) return 'no bypass of Sidestep stands in the rules.';
  const [foreign] = planBypass(before, request).already;
  return `no bypass of Sidestep's is there for these ports${foreign ? `; ${foreign.because}` : ''}.`;
}
