import { type Command, Option } from 'commander';
import { FAMILIES, type Family, parseAddress } from '../address/index.ts';
import type { DialectName, Interception, IstioRequest, Machine, Notice } from '../interception/index.ts';
import { DECLARED, FLAGS, type Flag, OWN, RUNNING } from './interception-flag-table.ts';
import { UsageError } from './usage.ts';

/** What commander read: each flag under its camel-cased long name. */
export type InterceptionOptions = Readonly<Record<string, unknown>>;

/** The values that tell `-o FORM`, how the result is printed, from istio-iptables' own `-o PORTS`. */
export const FORMS: readonly string[] = ['text', 'json', 'save'];

/**
 * `-o save` becomes `--output save`; any other `-o` stays Istio's list of ports. `-nb 80` is `-n -b 80`: the value that `-n`
 * may have follows a `=`, as Go reads flags.
 */
export const settleOutputFlag = (argv: readonly string[]): readonly string[] => {
  const words = argv.flatMap((word) => (/^-n[a-z]/.test(word) ? ['-n', `-${word.slice(2)}`] : word));
  return words.map((word, index) => {
    if (word === '-o' && FORMS.includes(words[index + 1] ?? '')) return '--output';
    const [, form] = /^-o=?(\w+)$/.exec(word) ?? [];
    return form !== undefined && FORMS.includes(form) ? `--output=${form}` : word;
  });
};

/** Declares what `init` and `verify` share: everything that says what to intercept. */
export function interceptionOptions(command: Command): void {
  command
    .optionsGroup('What to intercept:')
    .addOption(
      new Option('--dialect <name>', 'in whose way the rules are written')
        .choices(['istio', 'istio-nft', 'istio-2018'])
        .default('istio'),
    );
  for (const flag of FLAGS) {
    const dash = flag.short ? `-${flag.short}, ` : '';
    command.addOption(new Option(`${dash}--${flag.readable ?? flag.istio}${valueWord(flag)}`, flag.summary));
    if (flag.readable) command.addOption(new Option(`--${flag.istio}${valueWord(flag)}`).hideHelp());
  }
  for (const { name, value, summary } of OWN) command.addOption(new Option(`--${name} <${value}>`, summary));
  for (const flag of RUNNING) command.addOption(new Option(`--${flag.istio}${valueWord(flag)}`).hideHelp());
}

const valueWord = ({ value }: Flag): string => (value ? ` <${value}>` : ' [boolean]');

const camelCase = (long: string): string => long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Whether any flag says what to intercept. */
export const saysWhat = (options: InterceptionOptions): boolean =>
  [...FLAGS.flatMap(({ istio, readable = istio }) => [istio, readable]), ...OWN.map(({ name }) => name)].some(
    (name) => options[camelCase(name)] !== undefined,
  );

export interface Asked {
  readonly request: IstioRequest;
  readonly interception: Interception;
}

/**
 * What the flags and the environment ask for, as istio-iptables understands them.
 *
 * @param families these only; undefined leaves it to the machine's addresses, as Istio does.
 * @throws RequestRefused with every complaint at once, each naming the flag as it was typed
 */
export async function askedOf(
  options: InterceptionOptions,
  argv: readonly string[],
  machine: Machine,
  families: readonly Family[] | undefined,
): Promise<Asked> {
  const { fromIstioFlags, RequestRefused } = await import('../interception/index.ts');
  // NONE is the readable flag's own: istio-iptables takes it for REDIRECT, and -m is its flag.
  const none = options.mode === 'NONE' && argv.some((word) => /^--mode(?:=|$)/.test(word));
  const words = [...FLAGS, ...RUNNING, ...DECLARED]
    .filter(({ readable }) => !(none && readable === 'mode'))
    .flatMap((flag) => wordsOf(flag, options));
  try {
    const request = fromIstioFlags(words, { ...process.env, ...variablesOf(options) }, serversOf(options, machine), {
      dialect: options.dialect as DialectName,
      proxyMarks: marksOf(options.proxyMark),
    });
    const { interception } = request;
    return {
      request: { ...request, ignored: namedAsTyped(request.ignored, argv) },
      interception: { ...interception, ...(none ? { mode: 'NONE' as const } : {}), ...(families ? { families } : {}) },
    };
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error;
    throw new RequestRefused(
      error.problems.map((problem) => ({ ...problem, about: asTyped(problem.about, argv) })),
      error.hint,
    );
  }
}

/** What `--family` asks for; undefined leaves it to the host's addresses. */
export const familiesAsked = (family: Family | 'both' | undefined): readonly Family[] | undefined =>
  family === undefined ? undefined : family === 'both' ? FAMILIES : [family];

/** The flag in Istio's own words, if it was given in any. */
function wordsOf({ istio, readable }: Flag, options: InterceptionOptions): string[] {
  const [own, theirs] = [readable ? options[camelCase(readable)] : undefined, options[camelCase(istio)]];
  if (own !== undefined && theirs !== undefined && own !== theirs) {
    throw new UsageError(
      `--${readable} and --${istio} say different things`,
      'They are one flag under two names: give one of them.',
    );
  }
  const value = own ?? theirs;
  if (value === undefined) return [];
  if (value === true) return [`--${istio}`];
  // `-p=15001` is how Go reads it too.
  return [`--${istio}=${String(value).replace(/^=/, '')}`];
}

/** The variables that our own flags stand for. */
const variablesOf = (options: InterceptionOptions): Record<string, string> =>
  Object.fromEntries(
    OWN.flatMap(({ name, variable }) => {
      const value = options[camelCase(name)];
      return variable === undefined || value === undefined ? [] : [[variable, String(value)]];
    }),
  );

/** The machine with the name servers that were typed instead of its own. */
function serversOf({ dnsServers }: InterceptionOptions, machine: Machine): Machine {
  if (typeof dnsServers !== 'string') return machine;
  const words = dnsServers.split(',').map((word) => word.trim());
  const servers = words.filter((word) => word !== '');
  const wrong = servers.find((word) => parseAddress(word) === undefined);
  if (wrong !== undefined) throw new UsageError(`--dns-servers ${wrong}: expected is an address like 10.96.0.10`);
  return { ...machine, resolvConf: servers.map((server) => `nameserver ${server}\n`).join('') };
}

function marksOf(value: unknown): readonly number[] {
  if (typeof value !== 'string') return [];
  return value.split(',').map((word) => {
    const mark = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(word.trim()) ? Number(word) : Number.NaN;
    if (!(mark >= 1 && mark <= 0xffff_ffff)) {
      throw new UsageError(`--proxy-mark ${word}: expected is a mark from 1 to 4294967295, like 1337 or 0x539`);
    }
    return mark;
  });
}

/** The flag behind a part of an interception that a notice is about. */
const PARTS: Readonly<Record<string, string>> = {
  mode: 'istio-inbound-interception-mode',
  'inbound.include': 'istio-inbound-ports',
  'inbound.exclude': 'istio-local-exclude-ports',
  'outbound.include': 'istio-service-cidr',
  'outbound.exclude': 'istio-service-exclude-cidr',
  'outbound.includePorts': 'istio-outbound-ports',
  'outbound.excludePorts': 'istio-local-outbound-ports-exclude',
  'interfaces.exclude': 'istio-exclude-interfaces',
  'interfaces.virtual': 'kube-virt-interfaces',
  'dns.all': 'capture-all-dns',
  'dns.capture': 'redirect-dns',
  tproxy: 'istio-inbound-tproxy-mark',
};

/** Notices that name the flag as it was typed, where one was. */
export const namedAsTyped = (notices: readonly Notice[], argv: readonly string[]): readonly Notice[] =>
  notices.map((notice) => {
    const flag = PARTS[notice.about];
    const about = asTyped(flag ? `--${flag}` : notice.about, argv);
    return { ...notice, about: flag && about === `--${flag}` ? notice.about : about };
  });

/** The spelling of a flag that stands in the arguments: a complaint names what was typed. */
function asTyped(about: string, argv: readonly string[]): string {
  const own = OWN.find(({ variable }) => variable === about);
  if (own) return isTyped(own.name, argv) ? `--${own.name}` : about;
  const flag = [...FLAGS, ...RUNNING, ...DECLARED].find(({ istio }) => `--${istio}` === about);
  if (!flag) return about;
  const typed = [flag.istio, ...(flag.readable ? [flag.readable] : [])].find((name) => isTyped(name, argv));
  if (typed) return `--${typed}`;
  return flag.short && argv.some((word) => word.startsWith(`-${flag.short}`)) ? `-${flag.short}` : about;
}

const isTyped = (name: string, argv: readonly string[]): boolean =>
  argv.some((word) => word === `--${name}` || word.startsWith(`--${name}=`));
