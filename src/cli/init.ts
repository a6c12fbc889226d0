import { Option } from 'commander';
import { FAMILIES, type Family } from '../address/index.ts';
import type { Catching } from '../explain/index.ts';
import type { Interception, Machine, Notice, Program } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { type Applied, type ApplyOptions, applyChange, isOn, sayNotices, tellChange } from './apply.ts';
import { type Call, defineCommand } from './command.ts';
import { hasOthers } from './init-others.ts';
import {
  type Asked,
  FORMS,
  familiesAsked,
  interceptionOptions,
  namedAsTyped,
  settleOutputFlag,
} from './interception-flags.ts';
import { machineFor, machineOf, sameAddresses } from './machine.ts';
import { type NamespaceOptions, namespaceOptions, programFamilyOption, type SourceOptions } from './options.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';

export interface InitOptions extends ApplyOptions {
  readonly family?: Family | 'both';
  readonly comment?: boolean;
  readonly prove?: boolean;
  /** The flags that say what to intercept, by their camel-cased names. */
  readonly [flag: string]: unknown;
}

export const init = defineCommand<InitOptions>({
  examples: [
    ["sidestep init --inbound-ports '*' --outbound-cidrs '*'", 'everything through the proxy, in and out'],
    ["sidestep init --inbound-ports '*' --exclude-inbound-ports 15020,15021,15090", 'all inbound ports but these'],
    ['sidestep init --inbound-ports 8080,8888 --dry-run', 'only show the rules, and why each of them exists'],
    ["sidestep init --dialect istio-2018 -p 15001 -u 1337 -m REDIRECT -i '*' -b 8080,8888", 'as in 2018'],
    ["sidestep init -p 15001 -z 15006 -u 1337 -m REDIRECT -i '*' -x '' -b '*' -d 15090", "istio-iptables' own flags"],
  ],
  prepare: settleOutputFlag,
  declare(command) {
    interceptionOptions(command);
    programFamilyOption(command);
    namespaceOptions(command);
    command
      .optionsGroup('How:')
      .option('-n, --dry-run [boolean]', 'show the rules with the reason for each, and change nothing')
      .option(
        '--prove',
        'first say what will be caught of all packets, beside the rules of others; change nothing where that is not exactly what is asked for',
      )
      .option('--comment', 'write the reasons into the rules as comments')
      .option('--reconcile [boolean]', 'replace another interception without a word about it')
      .option('--run-validation [boolean]', 'make a live probe at the end, as Istio does; exit 126 when it fails');
    // -o alone is Istio's list of ports; before one of these words it is this option (settleOutputFlag).
    command.addOption(
      new Option('--output <form>', 'how the result is printed; also -o text, -o json, -o save')
        .choices(FORMS)
        .default('text'),
    );
  },
  run: runInit,
});

async function runInit(call: Call<InitOptions>): Promise<ExitStatus> {
  const { options, terminal, program: name } = call;
  // The kernel is asked first, and answers while what is wanted is worked out. Nothing is changed before that is known.
  const asking = new Promise((resolve) => setImmediate(resolve)).then(async () => {
    const machine = machineFor(options);
    return { machine, ...(await ask(call, machine)) };
  });
  const applying = isPlain(options) ? apply(call, asking, options) : undefined;
  applying?.catch(() => {});
  const first = await asking;
  const { request, program } = first;
  if (request.cleanOnly) {
    const { cleanUp } = await import('./clean.ts');
    const dryRun = request.dryRun || isOn(options.dryRun);
    return cleanUp({ ...options, dryRun, ...placeOf(request.netns) }, terminal);
  }
  const notices = [
    ...request.ignored,
    ...namedAsTyped(program.notices, call.argv),
    ...(catchesNothing(first.interception) && !request.skipRuleApply ? [NOTHING] : []),
  ];
  await sayNotices(notices, terminal);
  // Either is enough: what only looks must never write.
  if (request.dryRun || isOn(options.dryRun)) return showProgram(call, asking, notices);
  if (!request.skipRuleApply) {
    const applied = await (applying ?? apply(call, asking, { ...options, ...placeOf(request.netns) }));
    if ((await tellCatching(applied, options, terminal)) === false) return EXIT.finding;
    if (applied.changed && !request.reconcile) await sayReplaced(applied.before, terminal);
    const [{ askedWords }, { sourceFlags }] = await Promise.all([
      import('../explain/index.ts'),
      import('./source-flags.ts'),
    ]);
    const nothing = 'the rules are there already, as asked for.';
    const title = askedWords(first.interception).join(' ').replace('--dialect ', '');
    const command = `${name} list${sourceFlags(placeFlags(options, request.netns))}`;
    const next = { why: 'See them', command };
    await tellChange(applied, { output: options.output, notices, nothing, title, next }, terminal);
  }
  if (!request.runValidation) return EXIT.done;
  const { validate } = await import('./validation.ts');
  return validate(first, { ...options, ...placeOf(request.netns) }, terminal);
}

/** Whether nothing asks for anything but applying, in this namespace or one named by our own flags. */
const isPlain = (options: InitOptions): boolean =>
  ['dryRun', 'cleanupOnly', 'skipRuleApply', 'networkNamespace'].every((flag) => options[flag] === undefined) &&
  ['DRY_RUN', 'CLEANUP_ONLY', 'SKIP_RULE_APPLY', 'NETWORK_NAMESPACE'].every((name) => process.env[name] === undefined);

type Asking = Promise<Asked & { readonly machine: Machine; readonly program: Program }>;

/** A change, and what is proved of it where that was asked for, or where others have rules here. */
interface Made extends Applied {
  readonly catching?: Catching | undefined;
}

/** Makes the namespace hold the rules that are asked for, given the addresses that it has. */
async function apply(
  call: Call<InitOptions>,
  asking: Asking,
  options: InitOptions & { readonly path?: string },
  dryRun = false,
): Promise<Made> {
  let catching: Catching | undefined;
  const applied = await applyChange({ ...options, dryRun }, async (before, backend) => {
    const first = await asking;
    const there = machineOf(first.machine, before);
    // Mostly the namespace has the addresses that this process sees, and then the rules are written already.
    const { program } = sameAddresses(there, first.machine) ? first : await ask(call, there);
    const { heldAfter } = await import('../interception/index.ts');
    const families = shownFamilies(call.options);
    const desired = heldAfter(program, before, backend, families);
    if (catching || !(options.prove || hasOthers(program, before, desired))) return desired;
    const [{ catchingIn }, { catchesExactly }] = await Promise.all([
      import('./init-proof.ts'),
      import('../explain/index.ts'),
    ]);
    catching = await catchingIn(program, before, desired, families);
    return options.prove && !dryRun && !catchesExactly(catching) ? { held: before.held } : desired;
  });
  return { ...applied, catching };
}

/** Says what is caught, where that was asked for or is not what was asked for. False: that is why nothing was changed. */
async function tellCatching({ catching }: Made, { prove }: InitOptions, terminal: Terminal): Promise<boolean> {
  if (!catching) return true;
  const { catchesExactly, catchingBlocks, paragraph } = await import('../explain/index.ts');
  const exact = catchesExactly(catching);
  if (!prove) {
    if (!exact) await terminal.say(catchingBlocks(catching), 'warn');
    return true;
  }
  await terminal.say(catchingBlocks(catching), exact ? undefined : 'warn');
  if (!exact)
    await terminal.say([paragraph('Nothing has been changed. Without --prove the rules are written all the same.')]);
  return exact;
}

/** What names the namespace, for the command that is proposed next; whatever family was written, all is shown. */
const placeFlags = ({ family, ...options }: InitOptions, netns: string | undefined): SourceOptions => ({
  ...(options as NamespaceOptions),
  ...(netns === undefined ? {} : { netns }),
  ...(family === undefined || family === 'both' ? {} : { family }),
});

/** Whether nothing at all is turned to the proxy. Without a word that would look like success. */
const catchesNothing = ({ inbound, outbound, dns }: Interception): boolean =>
  inbound.include.length === 0 && outbound.include.length === 0 && outbound.includePorts.length === 0 && !dns.capture;

const NOTHING: Notice = {
  about: 'nothing is intercepted',
  message: "neither inbound ports nor outbound CIDRs are given. Most want --inbound-ports '*' --outbound-cidrs '*'",
};

/** What is asked for, and the rules for it. */
async function ask(
  { options, argv }: Call<InitOptions>,
  machine: Machine,
): Promise<Asked & { readonly program: Program }> {
  const [{ askedOf }, { commented, dialectOf }] = await Promise.all([
    import('./interception-flags.ts'),
    import('../interception/index.ts'),
  ]);
  const asked = await askedOf(options as Record<string, string>, argv, machine, familiesAsked(options.family));
  const program = dialectOf(asked.interception.dialect).write(asked.interception);
  return { ...asked, program: options.comment ? commented(program) : program };
}

/** The families that are written and shown. */
const shownFamilies = ({ family }: InitOptions): readonly Family[] =>
  family === undefined || family === 'both' ? FAMILIES : [family];

const placeOf = (path: string | undefined): { readonly path?: string } => (path === undefined ? {} : { path });

/** Rules of an earlier interception that gave way: worth a word where nobody asked for it. */
async function sayReplaced(before: Snapshot, terminal: Terminal): Promise<void> {
  const { inferInterception, isOwnChain, istioTables } = await import('../interception/index.ts');
  const held = before.held.some(({ rules }) =>
    rules.tables.some(({ chains }) => chains.some(({ name }) => isOwnChain(name))),
  );
  if (!held && istioTables(before).length === 0) return;
  const earlier = inferInterception(before);
  const whose = earlier ? `an interception of the dialect ${earlier.dialect}` : 'another interception';
  await sayNotices([{ about: 'replaced', message: `${whose} was here, written with other options` }], terminal);
}

/** A dry run: the rules as they would stand in an empty namespace, and what they would catch in this one. */
async function showProgram(call: Call<InitOptions>, asking: Asking, notices: readonly Notice[]): Promise<ExitStatus> {
  const { options, terminal } = call;
  const { program, request } = await asking;
  const { asWritten, nativeText, summarise } = await import('../interception/index.ts');
  const families = shownFamilies(options);
  const snapshot = asWritten(program, 'a dry run', {
    families,
    ...(options.backend ? { backend: options.backend } : {}),
  });
  if (options.output === 'save' && program.native) {
    terminal.write(nativeText(program.native));
    return EXIT.done;
  }
  if (options.output === 'save') {
    const { writeSave } = await import('./save.ts');
    await writeSave(snapshot.held, { counters: false }, terminal);
    return EXIT.done;
  }
  const { catchesExactly, catchingBlocks, programDocument, programScreen } = await import('../explain/index.ts');
  const catching = await catchingHere(call, asking, request.netns);
  if (options.output === 'json') terminal.json(programDocument(program, families, notices, catching));
  else
    await terminal.show([
      ...programScreen(snapshot, summarise(snapshot), program, families),
      ...(catching ? catchingBlocks(catching) : []),
    ]);
  return catching && !catchesExactly(catching) ? EXIT.finding : EXIT.done;
}

/** What would be caught in this namespace. Where it may not be read, a dry run is for another one. */
async function catchingHere(
  call: Call<InitOptions>,
  asking: Asking,
  netns: string | undefined,
): Promise<Catching | undefined> {
  try {
    return (await apply(call, asking, { ...call.options, ...placeOf(netns) }, true)).catching;
  } catch (error) {
    if (call.options.prove) throw error;
    return undefined;
  }
}
