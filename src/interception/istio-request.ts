import { parsePrefix } from '../address/index.ts';
import { each } from './check.ts';
import { defaultInterception } from './defaults.ts';
import type { Include, Interception, Mode, Notice } from './interception.ts';
import { ISTIO_VARIABLES } from './istio-flag-table.ts';
import type { IstioOptions } from './istio-flags.ts';
import { familiesOf, type Machine, nameServersOf } from './machine.ts';
import type { Problem } from './refused.ts';
import type { Settings } from './settings.ts';
import { type Kind, PORT } from './words.ts';

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
  env: Readonly<Record<string, string | undefined>>,
  machine: Machine,
  { dialect = 'istio', proxyMarks = [] }: IstioOptions,
): Described {
  const usual = defaultInterception(dialect);
  const problems: Problem[] = [];
  const notices: Notice[] = [];
  const text = (flag: string): string => settings.text(flag)?.value ?? '';
  const asOf = (flag: string): string => settings.text(flag)?.as ?? `--${flag}`;
  const number = (flag: string, otherwise: number, kind: Kind): number => {
    // A variable that is set and empty counts as not set.
    if (text(flag) === '') return otherwise;
    const wrong = each(asOf(flag), [text(flag).trim()], kind);
    problems.push(...wrong);
    return wrong.length > 0 ? otherwise : Number(text(flag));
  };
  const networks = (flag: string): readonly string[] => {
    const items = text(flag).split(',').filter(Boolean);
    const wrong = each(asOf(flag), items, NETWORK);
    problems.push(...wrong);
    return items.filter((item) => NETWORK.accepts(item));
  };
  const resolved = (words: readonly string[], look?: (name: string) => number | undefined): readonly string[] =>
    words.map((word) => (/^[a-z_]/i.test(word) ? String(look?.(word) ?? word) : word));

  const outboundPort = number('envoy-port', usual.outboundPort, PORT);
  const mode = modeOf(text('istio-inbound-interception-mode'), asOf('istio-inbound-interception-mode'));
  const capture = settings.boolean('redirect-dns');
  const all = settings.boolean('capture-all-dns');
  const resolver = capture && !all ? nameServersOf(machine.resolvConf ?? '') : { servers: [], notices: [] };
  const groups = ownerGroups(env);
  const loopback = env[ISTIO_VARIABLES.loopback] ?? usual.loopback;
  if (!NETWORK.accepts(loopback)) problems.push(...each(ISTIO_VARIABLES.loopback, [loopback], NETWORK));
  if (settings.boolean('native-nftables')) problems.push(notYet(asOf('native-nftables')));
  problems.push(
    ...each(asOf('force-iptables-binary'), listOf(text('force-iptables-binary')), BACKEND),
    ...groups.problems,
  );
  notices.push(...mode.notices, ...resolver.notices, ...groups.notices);

  const uids = uidsOf(text('proxy-uid'), env, machine, proxyMarks);
  const gids = text('proxy-gid') === '' ? uids : listOf(text('proxy-gid'));
  const interception: Interception = {
    ...usual,
    mode: mode.mode,
    families: dialect === 'istio' ? familiesOf(machine.addresses, settings.boolean('dual-stack')) : families2018(env),
    outboundPort,
    inboundPort: number('inbound-capture-port', dialect === 'istio' ? usual.inboundPort : outboundPort, PORT),
    tunnelPort: number('inbound-tunnel-port', usual.tunnelPort, PORT),
    proxy: { uids: resolved(uids, machine.uidOf), gids: resolved(gids, machine.gidOf), marks: proxyMarks },
    inbound: {
      include: included(text('istio-inbound-ports'), listOf),
      exclude: listOf(text('istio-local-exclude-ports')),
    },
    outbound: {
      include: text('istio-service-cidr') === '*' ? '*' : networks('istio-service-cidr'),
      exclude: networks('istio-service-exclude-cidr'),
      includePorts: listOf(text('istio-outbound-ports')),
      excludePorts: listOf(text('istio-local-outbound-ports-exclude')),
      ownerGroups: {
        include: groups.include === '*' ? '*' : resolved(groups.include, machine.gidOf),
        exclude: resolved(groups.exclude, machine.gidOf),
      },
    },
    interfaces: { exclude: listOf(text('istio-exclude-interfaces')), virtual: listOf(text('kube-virt-interfaces')) },
    dns: { ...usual.dns, capture, all, servers: resolver.servers },
    dropInvalid: settings.boolean('drop-invalid'),
    tproxy: {
      mark: number('istio-inbound-tproxy-mark', usual.tproxy.mark, UINT32),
      table: number('istio-inbound-tproxy-route-table', usual.tproxy.table, UINT32),
    },
    loopback: NETWORK.accepts(loopback) ? loopback : usual.loopback,
  };
  const as = (part: string): string =>
    asOfPart(part === 'proxy.gids' && text('proxy-gid') === '' ? 'proxy.uids' : part, asOf);
  return { interception, problems, notices, as };
}

/** Items between commas. iptables-restore passes over the spaces around them, and Istio over empty ones. */
const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

const included = (text: string, read: (text: string) => readonly string[]): Include<string> =>
  text === '*' ? '*' : read(text);

function modeOf(text: string, as: string): { readonly mode: Mode; readonly notices: readonly Notice[] } {
  if (text === 'TPROXY') return { mode: 'TPROXY', notices: [] };
  if (text === '' || text === 'REDIRECT') return { mode: 'REDIRECT', notices: [] };
  const instead =
    text.toUpperCase() === 'TPROXY'
      ? 'only TPROXY in capitals means that mode'
      : 'to catch nothing inbound, leave the included inbound ports empty';
  return { mode: 'REDIRECT', notices: [{ about: as, message: `"${text}" acts as REDIRECT: ${instead}` }] };
}

/** The proxy's uids. Known by marks, it needs none. */
function uidsOf(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  machine: Machine,
  marks: readonly number[],
): readonly string[] {
  if (text !== '') return listOf(text);
  if (marks.length > 0) return [];
  return [String(machine.uidOf?.(env[ISTIO_VARIABLES.user] ?? 'istio-proxy') ?? 1337)];
}

/** Set but empty would be one rule that lets everything pass by: it counts as not set. */
function ownerGroups(env: Readonly<Record<string, string | undefined>>): {
  readonly include: Include<string>;
  readonly exclude: readonly string[];
  readonly problems: readonly Problem[];
  readonly notices: readonly Notice[];
} {
  const variable = ISTIO_VARIABLES.ownerGroups;
  const text = env[variable];
  const listed = listOf(text ?? '');
  const exclude = listOf(env[ISTIO_VARIABLES.ownerGroupsExclude] ?? '');
  if (text === undefined || text === '*') return { include: '*', exclude, problems: [], notices: [] };
  if (listed.length === 0) {
    const message = 'is set but names no group: all groups are caught, as if it were not set';
    return { include: '*', exclude, problems: [], notices: [{ about: variable, message }] };
  }
  const problems =
    listed.length > 64
      ? [{ about: variable, value: `with ${listed.length} groups`, expected: 'a list of at most 64 groups' }]
      : [];
  return { include: listed, exclude, problems, notices: [] };
}

const families2018 = (env: Readonly<Record<string, string | undefined>>): Interception['families'] =>
  env[ISTIO_VARIABLES.ipv6] ? ['ipv4', 'ipv6'] : ['ipv4'];

/** A network as Go's netip.ParsePrefix reads it: no spaces, always with a length, and that without leading zeros. */
const NETWORK: Kind = {
  expected: 'a network with its length, like 10.0.0.0/8 or fd00::/8',
  accepts: (word) => /^[0-9a-f.:]+\/(0|[1-9]\d{0,2})$/i.test(word) && parsePrefix(word) !== undefined,
  cause: (word) =>
    /\s/.test(word)
      ? 'A list of networks has no spaces.'
      : word === '*'
        ? 'The * for all destinations stands alone, and only -i takes it.'
        : parsePrefix(word) && !word.includes('/')
          ? `One address alone is ${word}/${word.includes(':') ? 128 : 32}.`
          : undefined,
};

const UINT32: Kind = {
  expected: 'a number from 0 to 4294967295',
  accepts: (word) => /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(word) && Number(word) <= 0xffff_ffff,
};

const BACKEND: Kind = {
  expected: 'nft or legacy',
  accepts: (word) => word === 'nft' || word === 'legacy',
};

const notYet = (about: string): Problem => ({
  about,
  value: '',
  expected: 'false',
  cause: 'Sidestep does not write native nftables rules yet; iptables on its nft back end does the same.',
});

/** Which flag or variable a part of the interception comes from. */
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

function asOfPart(part: string, asOf: (flag: string) => string): string {
  const flag = PARTS[part];
  return flag ? asOf(flag) : (VARIABLES[part] ?? part);
}
