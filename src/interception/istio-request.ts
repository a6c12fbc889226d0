import { each } from './check.ts';
import { defaultInterception } from './defaults.ts';
import { BACKEND, type FlagValues, flagValues, listOf, NETWORK, UINT32 } from './flag-values.ts';
import type { DialectName, Interception, Mode, Notice, ProxyIdentity } from './interception.ts';
import { ISTIO_VARIABLES } from './istio-flag-table.ts';
import { type Environment, familiesOf, type Machine, nameServersOf } from './machine.ts';
import type { Problem } from './refused.ts';
import type { Settings } from './settings.ts';
import { PORT } from './words.ts';

export interface IstioOptions {
  /** Default: istio, today's form. */
  readonly dialect?: DialectName;
  /** Sidestep's own addition: the proxy is known by these marks, and by no uid unless `-u` names one. */
  readonly proxyMarks?: readonly number[];
}

/** The interception that settings describe, as far as they could be read. */
export interface Described {
  readonly interception: Interception;
  readonly problems: readonly Problem[];
  readonly notices: readonly Notice[];
  /** How the user gave a part of the interception: `inbound.include` was `-b`. */
  as(part: string): string;
}

/** Puts an interception together from istio-iptables' settings, its own variables and the machine. */
export function describedBy(
  settings: Settings,
  env: Environment,
  machine: Machine,
  { dialect: asked = 'istio', proxyMarks = [] }: IstioOptions,
): Described {
  // istio-iptables' own flag for it; the form of 2018 has no native one.
  const dialect = asked === 'istio' && settings.boolean('native-nftables') ? 'istio-nft' : asked;
  const today = dialect !== 'istio-2018';
  const usual = defaultInterception(dialect);
  const values = flagValues(settings);
  const notices: Notice[] = [];
  const outboundPort = values.number('envoy-port', usual.outboundPort, PORT);
  const interception: Interception = {
    ...usual,
    mode: modeOf(values, notices),
    families: today ? familiesOf(machine.addresses, settings.boolean('dual-stack')) : familiesOf2018(env),
    outboundPort,
    inboundPort: values.number('inbound-capture-port', today ? usual.inboundPort : outboundPort, PORT),
    tunnelPort: values.number('inbound-tunnel-port', usual.tunnelPort, PORT),
    proxy: proxyOf(values, env, machine, proxyMarks),
    inbound: {
      include: values.text('istio-inbound-ports') === '*' ? '*' : values.list('istio-inbound-ports'),
      exclude: values.list('istio-local-exclude-ports'),
    },
    outbound: {
      include: values.text('istio-service-cidr') === '*' ? '*' : values.networks('istio-service-cidr'),
      exclude: values.networks('istio-service-exclude-cidr'),
      includePorts: values.list('istio-outbound-ports'),
      excludePorts: values.list('istio-local-outbound-ports-exclude'),
      ownerGroups: ownerGroupsOf(values, env, machine, notices),
    },
    interfaces: { exclude: values.list('istio-exclude-interfaces'), virtual: values.list('kube-virt-interfaces') },
    dns: { ...usual.dns, ...dnsOf(settings, machine, notices) },
    dropInvalid: settings.boolean('drop-invalid'),
    tproxy: {
      mark: values.number('istio-inbound-tproxy-mark', usual.tproxy.mark, UINT32),
      table: values.number('istio-inbound-tproxy-route-table', usual.tproxy.table, UINT32),
    },
    loopback: loopbackOf(values, env, usual.loopback),
  };
  values.problems.push(...each(values.as('force-iptables-binary'), values.list('force-iptables-binary'), BACKEND));
  return { interception, problems: values.problems, notices, as: (part) => asGiven(part, values) };
}

function modeOf(values: FlagValues, notices: Notice[]): Mode {
  const flag = 'istio-inbound-interception-mode';
  const text = values.text(flag);
  if (text === 'TPROXY') return 'TPROXY';
  if (text === '' || text === 'REDIRECT') return 'REDIRECT';
  const instead =
    text.toUpperCase() === 'TPROXY'
      ? 'only TPROXY in capitals means that mode'
      : 'to catch nothing inbound, say --mode NONE or leave the included inbound ports empty';
  notices.push({ about: values.as(flag), message: `"${text}" acts as REDIRECT: ${instead}` });
  return 'REDIRECT';
}

/** By mark alone the proxy needs no uid. Otherwise it is a user of the machine, or 1337; the gid follows the uid. */
function proxyOf(values: FlagValues, env: Environment, machine: Machine, marks: readonly number[]): ProxyIdentity {
  const user = (): string => String(machine.uidOf?.(env[ISTIO_VARIABLES.user] ?? 'istio-proxy') ?? 1337);
  const typed = values.list('proxy-uid');
  const uids = typed.length > 0 ? typed : marks.length > 0 ? [] : [user()];
  const gids = values.text('proxy-gid') === '' ? uids : values.list('proxy-gid');
  return { uids: lookedUp(uids, machine.uidOf), gids: lookedUp(gids, machine.gidOf), marks };
}

/** Names as numbers, which is what the kernel keeps. A name that nobody has stays, and is refused later. */
const lookedUp = (words: readonly string[], look: Machine['uidOf']): readonly string[] =>
  words.map((word) => (/^[a-z_]/i.test(word) ? String(look?.(word) ?? word) : word));

/** Set but empty would be one rule that lets everything pass by: it counts as not set. */
function ownerGroupsOf(
  values: FlagValues,
  env: Environment,
  machine: Machine,
  notices: Notice[],
): Interception['outbound']['ownerGroups'] {
  const about = ISTIO_VARIABLES.ownerGroups;
  const text = env[about] ?? '*';
  const listed = listOf(text);
  const exclude = lookedUp(listOf(env[ISTIO_VARIABLES.ownerGroupsExclude] ?? ''), machine.gidOf);
  if (listed.length === 0) {
    notices.push({ about, message: 'is set but names no group: all groups are caught, as if it were not set' });
  }
  if (listed.length > 64) {
    const expected = 'a list of at most 64 groups';
    values.problems.push({ about, value: `with ${listed.length} groups`, expected });
  }
  return { include: text === '*' || listed.length === 0 ? '*' : lookedUp(listed, machine.gidOf), exclude };
}

function dnsOf(
  settings: Settings,
  machine: Machine,
  notices: Notice[],
): Pick<Interception['dns'], 'capture' | 'all' | 'servers'> {
  const capture = settings.boolean('redirect-dns');
  const all = settings.boolean('capture-all-dns');
  if (!capture || all) return { capture, all, servers: [] };
  const { servers, notices: said } = nameServersOf(machine.resolvConf ?? '');
  notices.push(...said);
  return { capture, all, servers };
}

function loopbackOf(values: FlagValues, env: Environment, usual: string): string {
  const about = ISTIO_VARIABLES.loopback;
  const text = env[about] ?? usual;
  const wrong = each(about, [text], NETWORK);
  values.problems.push(...wrong);
  return wrong.length > 0 ? usual : text;
}

/** The 2018 form asked for IPv6 with a variable of its own. */
const familiesOf2018 = (env: Environment): Interception['families'] =>
  env[ISTIO_VARIABLES.ipv6] ? ['ipv4', 'ipv6'] : ['ipv4'];

/** Which flag, or which variable without a flag, a part of the interception comes from. */
const PARTS: Readonly<Record<string, string>> = {
  outboundPort: 'envoy-port',
  inboundPort: 'inbound-capture-port',
  tunnelPort: 'inbound-tunnel-port',
  'proxy.uids': 'proxy-uid',
  'proxy.gids': 'proxy-gid',
  'proxy.marks': 'proxy-mark',
  'inbound.include': 'istio-inbound-ports',
  'inbound.exclude': 'istio-local-exclude-ports',
  'outbound.include': 'istio-service-cidr',
  'outbound.exclude': 'istio-service-exclude-cidr',
  'outbound.includePorts': 'istio-outbound-ports',
  'outbound.excludePorts': 'istio-local-outbound-ports-exclude',
  'interfaces.exclude': 'istio-exclude-interfaces',
  'interfaces.virtual': 'kube-virt-interfaces',
  'tproxy.mark': 'istio-inbound-tproxy-mark',
  'tproxy.table': 'istio-inbound-tproxy-route-table',
};

const VARIABLES: Readonly<Record<string, string>> = {
  'outbound.ownerGroups.include': ISTIO_VARIABLES.ownerGroups,
  'outbound.ownerGroups.exclude': ISTIO_VARIABLES.ownerGroupsExclude,
  loopback: ISTIO_VARIABLES.loopback,
};

function asGiven(part: string, values: FlagValues): string {
  // Without -g the gid is what -u says.
  const flag = part === 'proxy.gids' && values.text('proxy-gid') === '' ? 'proxy-uid' : PARTS[part];
  return flag ? values.as(flag) : (VARIABLES[part] ?? part);
}
