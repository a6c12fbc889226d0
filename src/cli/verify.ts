import { Option } from 'commander';
import type { Family } from '../address/index.ts';
import {
  askedWords,
  bad,
  compareAsWritten,
  isFaithful,
  line,
  type MendPlace,
  mendsOf,
  nextBlock,
  nothingFoundDocument,
  paragraph,
  type Verification,
  verificationDocument,
  verificationScreen,
} from '../explain/index.ts';
import { dialectOf, type Interception, inferInterception } from '../interception/index.ts';
import type { Backend, HeldRules, Snapshot } from '../netfilter/index.ts';
import { isOn, sayNotices } from './apply.ts';
import { type Call, defineCommand } from './command.ts';
import {
  askedOf,
  FORMS,
  familiesAsked,
  interceptionOptions,
  saysWhat,
  settleOutputFlag,
} from './interception-flags.ts';
import { machineFor, machineOf } from './machine.ts';
import { programFamilyOption, type SourceOptions, sourceOptions } from './options.ts';
import { sayUnread } from './said.ts';
import { enterWords, loadLinux, readSource } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';
import { UsageError } from './usage.ts';
import { demandWhole } from './whole.ts';

interface VerifyOptions extends Omit<SourceOptions, 'family'> {
  readonly output: 'text' | 'json';
  readonly family?: Family | 'both';
  readonly probe: boolean;
  readonly runValidation?: boolean | string;
  /** The flags that say what to intercept, by their camel-cased names. */
  readonly [flag: string]: unknown;
}

export const verify = defineCommand<VerifyOptions>({
  examples: [
    ['sidestep verify', 'against the configuration that the rules themselves tell of'],
    ["sidestep verify -b '*' -i '*' -d 15090,15021,15020", 'against what was asked for: the flags of init'],
    ['sidestep verify --no-probe', 'without a live connection'],
    ['sidestep verify --from rules.txt', 'in rules from a file'],
    ['sidestep verify --run-validation', "only the live probe, with Istio's exit status 126"],
  ],
  prepare: settleOutputFlag,
  declare(command) {
    sourceOptions(command);
    command
      .optionsGroup('How:')
      .option('--no-probe', 'make no live connection')
      .option('--run-validation [boolean]', 'make the live probe only, as Istio does; exit 126 when it fails')
      .addOption(
        new Option('--output <form>', 'how the result is printed; also -o text, -o json')
          .choices(FORMS.filter((form) => form !== 'save'))
          .default('text'),
      );
    interceptionOptions(command);
    programFamilyOption(command);
  },
  run: runVerify,
});

async function runVerify(call: Call<VerifyOptions>): Promise<ExitStatus> {
  const { options, terminal } = call;
  const { family, ...anyFamily } = options;
  const only = family === 'ipv4' || family === 'ipv6' ? family : undefined;
  if (isOn(options.runValidation)) {
    if (options.from !== undefined) {
      throw new UsageError('--run-validation and --from exclude each other', 'A file cannot be connected to.');
    }
    return validateOnly(call);
  }
  const snapshot = await readSource({ ...anyFamily, ...(only ? { family: only } : {}) }, terminal);
  demandWhole(snapshot, 'they cannot be compared with what was asked for');
  const wanted = await wantedIn(snapshot, call);
  if (!wanted) return nothingHere(snapshot, call);
  await sayUnread(snapshot, terminal);
  const { interception } = wanted;
  const program = dialectOf(interception.dialect).write(interception);
  const compared = compareAsWritten(snapshot, program, Math.floor(Date.now() / 1000));
  const found: Verification = { ...wanted, ...compared, ...(await probed(wanted.interception, options)) };
  const mends = mendsOf(found, await mendPlace(snapshot, wanted.interception, compared.backend, call));
  if (options.output === 'json') terminal.json(verificationDocument(found, mends, snapshot.origin));
  else await terminal.show(verificationScreen(found, mends));
  return isFaithful(found) ? EXIT.done : EXIT.finding;
}

/** Where the commands that mend something are to be run, and what they ask for. */
async function mendPlace(
  snapshot: Snapshot,
  interception: Interception,
  backend: Backend,
  { options, program }: Call<VerifyOptions>,
): Promise<MendPlace> {
  const { netns, pid, container, family } = options;
  const [{ askedHere }, { sourceFlags }] = await Promise.all([import('./asked-here.ts'), import('./source-flags.ts')]);
  const isLive = options.from === undefined;
  // init would choose by what is in force, or by the variable: it is told where the other one might be chosen.
  const other = snapshot.held.some((held) => held.backend !== backend && holdsRules(held));
  const wish = process.env.SIDESTEP_BACKEND ?? '';
  const named = options.backend ?? (other || (wish !== '' && wish !== backend) ? backend : undefined);
  return {
    program,
    where: sourceFlags({ netns, pid, container, backend: named }),
    family: family === 'ipv4' || family === 'ipv6' ? ` --family ${family}` : '',
    enter: isLive ? await enterWords(options) : [],
    asked: isLive ? await askedHere(interception, machineOf(machineFor(options), snapshot)) : askedWords(interception),
  };
}

const holdsRules = ({ rules }: HeldRules): boolean =>
  rules.tables.some(({ chains }) => chains.some((chain) => chain.rules.length > 0 || chain.policy !== 'ACCEPT'));

type Wanted = Pick<Verification, 'interception' | 'given'>;

/** What was asked for: the flags, or what the rules themselves tell. */
async function wantedIn(
  snapshot: Snapshot,
  { options, argv, terminal }: Call<VerifyOptions>,
): Promise<Wanted | undefined> {
  if (!saysWhat(options)) {
    const interception = inferInterception(snapshot);
    return interception && { interception: withWholeIdentity(interception), given: false };
  }
  const machine = machineOf(machineFor(options), snapshot);
  const { interception, request } = await askedOf(options, argv, machine, familiesAsked(options.family));
  await sayNotices(request.ignored, terminal);
  return { interception, given: true };
}

/**
 * Both dialects exempt the proxy by uid and by gid. Where the rules hold but one of them, the other is missing: it is looked for
 * under the ids of the one that is there.
 */
function withWholeIdentity(interception: Interception): Interception {
  const { uids, gids, marks } = interception.proxy;
  const one = uids.length === 0 ? gids : gids.length === 0 ? uids : undefined;
  return one === undefined ? interception : { ...interception, proxy: { uids: one, gids: one, marks } };
}

async function nothingHere(
  { origin }: Snapshot,
  { options, terminal, program: name }: Call<VerifyOptions>,
): Promise<ExitStatus> {
  const nothing = `no interception that Sidestep could have written is in ${origin}`;
  if (options.output === 'json') terminal.json(nothingFoundDocument(nothing, origin));
  else {
    const { sourceFlags } = await import('./source-flags.ts');
    const { family: _, ...place } = options;
    const where = sourceFlags(place);
    await terminal.show([
      paragraph(line(bad('✗ '), nothing), 2),
      nextBlock({ why: 'Say what was asked for', command: `${name} verify -b '*' -i '*'${where}` }),
      nextBlock({ why: 'What is here', command: `${name} list${where}` }),
    ]);
  }
  return EXIT.finding;
}

/**
 * Istio's own validation. It reads no rules where flags or variables say what to expect, so it needs no right to; else they
 * tell it, and where they may not be read, what Istio expects if it is told nothing.
 */
async function validateOnly(call: Call<VerifyOptions>): Promise<ExitStatus> {
  const { options, argv, terminal } = call;
  const { validate } = await import('./validation.ts');
  const asked = await askedOf(options, argv, machineFor(options), familiesAsked(options.family));
  const read = saysWhat(options) ? undefined : await readInterception(call);
  return validate({ ...asked, ...(read ? { interception: read } : {}) }, options, terminal);
}

/** What the rules tell, if they may be read. */
async function readInterception({ options, terminal }: Call<VerifyOptions>): Promise<Interception | undefined> {
  const { family: _, ...source } = options;
  try {
    const snapshot = await readSource(source, terminal);
    const found = inferInterception(snapshot);
    return found && withWholeIdentity(found);
  } catch (error) {
    const { NotPermitted } = await loadLinux();
    if (error instanceof NotPermitted) return undefined;
    throw error;
  }
}

/** A live connection, where there is a kernel to make it in. */
async function probed(
  interception: Interception,
  options: VerifyOptions,
): Promise<Pick<Verification, 'probes' | 'unprobed'>> {
  if (options.from !== undefined) return { probes: [], unprobed: 'the rules came from a file' };
  if (!options.probe) return { probes: [] };
  const { probe } = await import('./validation.ts');
  return { probes: await probe(interception, options) };
}
