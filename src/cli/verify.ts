import { Option } from 'commander';
import type { Family } from '../address/index.ts';
import {
  bad,
  type Compared,
  compareWith,
  isFaithful,
  line,
  paragraph,
  type Verification,
  verificationDocument,
  verificationScreen,
} from '../explain/index.ts';
import { commented, dialectOf, type Interception, inferInterception, type Program } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
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
import { readSource } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';

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
  const { options, terminal, program: name } = call;
  const { family, ...anyFamily } = options;
  const only = family === 'ipv4' || family === 'ipv6' ? family : undefined;
  const snapshot = await readSource({ ...anyFamily, ...(only ? { family: only } : {}) }, terminal);
  const wanted = await wantedIn(snapshot, call);
  if (!wanted) return nothingHere(snapshot, call);
  if (isOn(options.runValidation)) return validateOnly(wanted, call);
  await sayUnread(snapshot, terminal);
  const written = dialectOf(wanted.interception.dialect).write(wanted.interception);
  const compared = closest(snapshot, [written, commented(written)]);
  const found: Verification = { ...wanted, ...compared, ...(await probed(wanted.interception, options)) };
  if (options.output === 'json') terminal.json(verificationDocument(found, snapshot.origin));
  else await terminal.show(verificationScreen(found, name));
  return isFaithful(found) ? EXIT.done : EXIT.finding;
}

/** Rules written with `init --comment` are as good as those without. */
function closest(snapshot: Snapshot, programs: readonly Program[]): Compared {
  const now = Math.floor(Date.now() / 1000);
  const [first, ...others] = programs.map((program) => compareWith(snapshot, program, now)) as [
    Compared,
    ...Compared[],
  ];
  return others.reduce((best, other) => (other.drifts.length < best.drifts.length ? other : best), first);
}

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

async function nothingHere(snapshot: Snapshot, { terminal, program: name }: Call<VerifyOptions>): Promise<ExitStatus> {
  await terminal.show([
    paragraph(line(bad('✗ '), `no interception that Sidestep could have written is in ${snapshot.origin}`), 2),
    paragraph(`Say what was asked for: ${name} verify -b '*' -i '*'. What is here: ${name} list`),
  ]);
  return EXIT.finding;
}

async function validateOnly({ interception }: Wanted, { options, terminal }: Call<VerifyOptions>): Promise<ExitStatus> {
  const { validate } = await import('./validation.ts');
  const { request } = await askedOf({ dialect: interception.dialect, ...timesOf(options) }, [], {}, undefined);
  return validate({ interception, request }, options, terminal);
}

/** Istio's own flags for its probe. */
const timesOf = ({ iptablesProbePort, probeTimeout }: VerifyOptions): Record<string, unknown> => ({
  ...(iptablesProbePort === undefined ? {} : { iptablesProbePort }),
  ...(probeTimeout === undefined ? {} : { probeTimeout }),
});

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
