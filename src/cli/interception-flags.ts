import { type Command, Option } from 'commander';
import { FAMILIES, type Family } from '../address/index.ts';
import type { DialectName, Interception, IstioRequest, Machine, Notice } from '../interception/index.ts';
import { UsageError } from './usage.ts';

/** One flag that says what to intercept: its readable name, and the one of istio-iptables that means the same. */
interface Flag {
  readonly istio: string;
  readonly short?: string;
  readonly readable?: string;
  readonly value?: string;
  readonly summary: string;
}

// One line a flag. A flag without `value` is on or off; Istio's `--flag=false` is taken too.
const FLAGS: readonly Flag[] = [
  {
    istio: 'istio-inbound-ports',
    short: 'b',
    readable: 'inbound-ports',
    value: 'ports',
    summary: "inbound ports to intercept: '*', or a list",
  },
  {
    istio: 'istio-local-exclude-ports',
    short: 'd',
    readable: 'exclude-inbound-ports',
    value: 'ports',
    summary: "inbound ports to leave alone, beside '*'",
  },
  {
    istio: 'istio-service-cidr',
    short: 'i',
    readable: 'outbound-cidrs',
    value: 'cidrs',
    summary: "outbound destinations to intercept: '*', or a list",
  },
  {
    istio: 'istio-service-exclude-cidr',
    short: 'x',
    readable: 'exclude-outbound-cidrs',
    value: 'cidrs',
    summary: 'outbound destinations to leave alone',
  },
  {
    istio: 'istio-outbound-ports',
    short: 'q',
    readable: 'outbound-ports',
    value: 'ports',
    summary: 'outbound ports to intercept whatever the destination',
  },
  {
    istio: 'istio-local-outbound-ports-exclude',
    short: 'o',
    readable: 'exclude-outbound-ports',
    value: 'ports',
    summary: 'outbound ports to leave alone',
  },
  {
    istio: 'istio-inbound-interception-mode',
    short: 'm',
    readable: 'mode',
    value: 'mode',
    summary: 'how inbound is caught: REDIRECT, TPROXY or NONE',
  },
  {
    istio: 'envoy-port',
    short: 'p',
    readable: 'proxy-outbound-port',
    value: 'port',
    summary: "the proxy's port for outbound connections (15001)",
  },
  {
    istio: 'inbound-capture-port',
    short: 'z',
    readable: 'proxy-inbound-port',
    value: 'port',
    summary: 'for inbound ones (15006; in istio-2018 the same as outbound)',
  },
  {
    istio: 'inbound-tunnel-port',
    short: 'e',
    readable: 'tunnel-port',
    value: 'port',
    summary: 'the tunnel port, never redirected (15008)',
  },
  {
    istio: 'proxy-uid',
    short: 'u',
    value: 'uids',
    summary: "the proxy's users, whose own traffic is left alone (1337)",
  },
  { istio: 'proxy-gid', short: 'g', value: 'gids', summary: "the proxy's groups (the same as its users)" },
  {
    istio: 'istio-exclude-interfaces',
    short: 'c',
    readable: 'exclude-interfaces',
    value: 'names',
    summary: 'interfaces to leave alone',
  },
  {
    istio: 'kube-virt-interfaces',
    short: 'k',
    readable: 'virtual-interfaces',
    value: 'names',
    summary: 'interfaces of virtual machines, whose traffic counts as outbound',
  },
  {
    istio: 'istio-inbound-tproxy-mark',
    short: 't',
    readable: 'tproxy-mark',
    value: 'mark',
    summary: 'the mark of TPROXY (1337)',
  },
  {
    istio: 'istio-inbound-tproxy-route-table',
    short: 'r',
    readable: 'tproxy-table',
    value: 'table',
    summary: 'its routing table (133)',
  },
  { istio: 'redirect-dns', readable: 'capture-dns', summary: 'catch DNS queries too' },
  { istio: 'capture-all-dns', summary: 'those to any server, not only the ones of resolv.conf' },
  { istio: 'drop-invalid', summary: 'drop what conntrack calls INVALID' },
  { istio: 'dual-stack', summary: 'IPv6 beside IPv4, where the host has addresses of both' },
];

/** Flags of istio-iptables that say how to run, not what to intercept. Taken, and listed by no help. */
const RUNNING: readonly Flag[] = [
  { istio: 'cleanup-only', summary: '' },
  { istio: 'force-apply', summary: '' },
  { istio: 'skip-rule-apply', summary: '' },
  { istio: 'cni-mode', summary: '' },
  { istio: 'native-nftables', summary: '' },
  { istio: 'network-namespace', value: 'path', summary: '' },
  { istio: 'force-iptables-binary', value: 'name', summary: '' },
  { istio: 'iptables-probe-port', value: 'port', summary: '' },
  { istio: 'probe-timeout', value: 'time', summary: '' },
  { istio: 'log_as_json', summary: '' },
  ...[
    'caller',
    'output_level',
    'rotate',
    'rotate_max_age',
    'rotate_max_backups',
    'rotate_max_size',
    'stacktrace_level',
    'target',
  ].map((name): Flag => ({ istio: `log_${name}`, value: 'text', summary: '' })),
  { istio: 'vklog', value: 'text', summary: '' },
];

/** The same, declared by the commands themselves because people want them too. */
const DECLARED: readonly Flag[] = [
  { istio: 'dry-run', short: 'n', summary: '' },
  { istio: 'reconcile', summary: '' },
  { istio: 'run-validation', summary: '' },
];

/** What commander read: each flag under its camel-cased long name. */
export type InterceptionOptions = Readonly<Record<string, unknown>>;

/** The values that tell `-o FORM`, how the result is printed, from istio-iptables' own `-o PORTS`. */
export const FORMS: readonly string[] = ['text', 'json', 'save'];

/** `-o save` becomes `--output save`; any other `-o` stays Istio's list of ports. */
export const settleOutputFlag = (argv: readonly string[]): readonly string[] =>
  argv.map((word, index) => {
    if (word === '-o' && FORMS.includes(argv[index + 1] ?? '')) return '--output';
    const [, form] = /^-o=?(\w+)$/.exec(word) ?? [];
    return form !== undefined && FORMS.includes(form) ? `--output=${form}` : word;
  });

/** Declares what `init` and `verify` share: everything that says what to intercept. */
export function interceptionOptions(command: Command): void {
  command
    .optionsGroup('What to intercept:')
    .addOption(
      new Option('--dialect <name>', 'in whose way the rules are written')
        .choices(['istio', 'istio-2018'])
        .default('istio'),
    );
  for (const flag of FLAGS) {
    const dash = flag.short ? `-${flag.short}, ` : '';
    command.addOption(new Option(`${dash}--${flag.readable ?? flag.istio}${valueWord(flag)}`, flag.summary));
    if (flag.readable) command.addOption(new Option(`--${flag.istio}${valueWord(flag)}`).hideHelp());
  }
  command.addOption(
    new Option('--proxy-mark <marks>', "know the proxy's traffic by mark: where its uid does not exist"),
  );
  for (const flag of RUNNING) command.addOption(new Option(`--${flag.istio}${valueWord(flag)}`).hideHelp());
}

const valueWord = ({ value }: Flag): string => (value ? ` <${value}>` : ' [boolean]');

const camelCase = (long: string): string => long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Whether any flag says what to intercept. */
export const saysWhat = (options: InterceptionOptions): boolean =>
  FLAGS.some(
    ({ istio, readable }) =>
      options[camelCase(istio)] !== undefined || options[camelCase(readable ?? istio)] !== undefined,
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
  const mode = options.mode;
  const words = [...FLAGS, ...RUNNING, ...DECLARED].flatMap((flag) => wordsOf(flag, options));
  try {
    const request = fromIstioFlags(words, process.env, machine, {
      dialect: options.dialect as DialectName,
      proxyMarks: marksOf(options.proxyMark),
    });
    const { interception } = request;
    return {
      request: { ...request, ignored: namedAsTyped(request.ignored, argv) },
      interception: { ...interception, ...(mode === 'NONE' ? { mode } : {}), ...(families ? { families } : {}) },
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
  // NONE is the readable flag's own: istio-iptables takes it for REDIRECT.
  if (value === undefined || (readable === 'mode' && value === 'NONE')) return [];
  if (value === true) return [`--${istio}`];
  // `-p=15001` is how Go reads it too.
  return [`--${istio}=${String(value).replace(/^=/, '')}`];
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
  const flag = [...FLAGS, ...RUNNING, ...DECLARED].find(({ istio }) => `--${istio}` === about);
  if (!flag) return about;
  const long = [flag.istio, ...(flag.readable ? [flag.readable] : [])].map((name) => `--${name}`);
  const typed = long.find((name) => argv.some((word) => word === name || word.startsWith(`${name}=`)));
  if (typed) return typed;
  return flag.short && argv.some((word) => word.startsWith(`-${flag.short}`)) ? `-${flag.short}` : about;
}
