import { Argument, Option } from 'commander';
import { type PortRange, union } from '../address/index.ts';
import {
  changeDocument,
  checkBypass,
  coverOf,
  cutsAll,
  faint,
  familyWord,
  isAsAsked,
  line,
  nextBlock,
  type Proof,
  paragraph,
  placed,
  planDocument,
  planScreen,
  proveBypass,
  ruleChanges,
  type Screen,
  sentBlocks,
  type Told,
  typed,
  withoutEnd,
} from '../explain/index.ts';
import {
  afterBypass,
  type BypassPlan,
  type BypassRequest,
  bypassesIn,
  changesBetween,
  inUtc,
  isOver,
  MANIFESTS,
  nativeAfter,
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
    await sayNotices(voidFlags(options), call.terminal);
    if (options.manifest) return printManifest(options.manifest, request, call);
    if (options.undo) return undo(request, call);
    return options.apply ? apply(request, call) : plan(request, call);
  },
});

/** The plan for a file or for the kernel as it is; nothing changes. */
async function plan(
  request: BypassRequest,
  { options, terminal, args, program }: Call<BypassOptions>,
): Promise<ExitStatus> {
  // The family says which bypass is wanted. Only of a file it also says whose rules they are.
  const { family, ...anyFamily } = options;
  const snapshot = await readSource(options.from !== undefined ? options : anyFamily, terminal);
  await sayNotices(voidIn(snapshot, request), terminal);
  const { request: best, proof, why } = placed(snapshot, request, proxyPortsOf(snapshot));
  const planned = planBypass(snapshot, best);
  const told = { ...toldOf(snapshot, afterBypass(snapshot, planned), best, proof), why };
  if (options.output === 'json') terminal.json(planDocument(planned, told, snapshot.origin));
  else if (options.output === 'save') {
    demandWhole(snapshot, 'they cannot be printed as iptables-save prints them');
    await writeSave(afterBypass(snapshot, planned).held, { counters: false }, terminal);
  } else {
    const end = closing(planned, options, againWords(program, args, options), told);
    await terminal.show(planScreen(planned, told, end));
  }
  return isAsAsked(told) ? EXIT.done : EXIT.finding;
}

const ONLY_CUTS = 'it would only cut the ports off. Let them in first.';

/** What would change anything else, or only cut the ports off, is not carried out. */
const isRefused = (proof: Proof): boolean => proof.beyond.length > 0 || cutsAll(proof);

/** What a bypass does to packets. Where it ends, what holds until then is proved, by the rules as they would be without an end. */
function toldOf(before: Snapshot, after: Snapshot, request: BypassRequest, known?: Proof): Told {
  const proxyPorts = proxyPortsOf(before);
  const endless = withoutEnd(request);
  const proved = request.until === undefined ? after : afterBypass(before, { request: endless });
  const proof = known ?? proveBypass(before, proved, endless, proxyPorts);
  return { check: checkBypass(before, after, request, proxyPorts), proof };
}

/** What to do with a plan; `again` is the command that made it. */
function closing({ changes, request }: BypassPlan, { from }: BypassOptions, again: string, { proof }: Told): Screen {
  const fleet = nextBlock({ why: 'For a fleet', command: `${again} --manifest init-container` });
  if (from !== undefined)
    return [paragraph(line(faint('Nothing has been changed: the rules came from a file.'))), fleet];
  if (changes.length === 0) return [paragraph(line(faint('Nothing has been changed.')))];
  if (isRefused(proof)) {
    const why = proof.beyond.length > 0 ? 'a bypass changes nothing else.' : ONLY_CUTS;
    const refusal = `Nothing has been changed, and --apply refuses to: ${why}`;
    return [paragraph(line(faint(refusal))), fleet];
  }
  const ends = request.until === undefined ? '; with --for 30m the kernel ends it' : '';
  return [
    paragraph(line(faint('Nothing has been changed. '), typed(`${again} --apply`), faint(` does it${ends}.`))),
    fleet,
  ];
}

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
    refused = isRefused(chosen.proof) ? { ...toldOf(before, after, chosen.request, chosen.proof), why } : undefined;
    if (!refused && changes && (await eyes?.before(before, after, chosen.request)) === false)
      refused = toldOf(before, after, chosen.request, chosen.proof);
    return refused ? { held: before.held } : { held: after.held, native: wishesOf(before, after.native) };
  });
  const { before, after, backend } = applied;
  const planned = planBypass(before, best, backend);
  if (refused) {
    const why = eyes?.sent
      ? 'the kernel does something else than was proved.'
      : refused.proof.beyond.length > 0
        ? 'a bypass changes nothing else.'
        : ONLY_CUTS;
    if (options.output === 'json') terminal.json(planDocument(planned, refused, before.origin));
    else
      await terminal.show([
        ...(eyes?.sent ? sentBlocks(eyes.sent) : []),
        ...planScreen(planned, refused, [paragraph(line(faint(`Nothing has been changed: ${why}`)))]),
      ]);
    return EXIT.finding;
  }
  const command = `${program} bypass ${args.join(' ')} --undo${sourceFlags(options)}`;
  if (applied.changed && (await eyes?.after(after)) === false) {
    // What was promised is not so: then the rules that were there before are the safe ones.
    const back = await putBack(options, applied, afterBypass(before, planned, backend));
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
  const unchanged = [...planned.already, ...planned.unneeded];
  const nothing = isOver(request)
    ? `the end, ${inUtc(request.until ?? 0)}, has come`
    : unchanged.map(({ family, because }) => `${familyWord(family)}: ${because}`).join('; ') ||
      'there is no rule that would let these ports pass';
  await sayNotices(voidIn(before, request), terminal);
  await tellChange(
    applied,
    {
      output: options.output,
      notices: planned.notCovered,
      nothing: `${nothing}.`,
      next: { why: 'Undo it', command },
      told,
      sent: eyes?.sent,
      plan: planned,
      bypass: { ports: request.ports, ...endOf(request), unchanged, notCovered: coverOf(planned), sent: eyes?.sent },
    },
    terminal,
  );
  return isAsAsked(told) ? EXIT.done : EXIT.finding;
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
