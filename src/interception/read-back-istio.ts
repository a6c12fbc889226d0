import { contains, type Family, parsePrefix } from '../address/index.ts';
import { defaultInterception } from './defaults.ts';
import type { Include, Interception, ProxyIdentity } from './interception.ts';
import { caughtBy, everywhere, type Reading, withMissing, without } from './reading.ts';

const PORT = '-p tcp -m tcp --dport (\\S+)';

/**
 * The interception that wrote these rules as Istio does today. What is out of order or too much is not looked at.
 *
 * @param others the other family's rules: a loopback network that is caught there shows in these rules too
 */
export function readBackIstio(reading: Reading, others: readonly Reading[] = []): Interception {
  const base = defaultInterception('istio');
  const output = outputOf(reading);
  const redirect = (chain: string, otherwise: number): number =>
    Number(caughtBy(reading.lines('nat', chain), /^-p tcp -j REDIRECT --to-ports (\d+)$/)[0] ?? otherwise);
  const tproxy = reading.has('mangle', 'ISTIO_INBOUND') || reading.has('mangle', 'ISTIO_TPROXY');
  const tunnelPort = tunnelOf(reading, output) ?? base.tunnelPort;
  const inbound = inboundOf(reading, tproxy, tunnelPort);
  const proxy = proxyOf(output, tproxy);
  return {
    ...base,
    families: [reading.family],
    mode: tproxy ? 'TPROXY' : inbound.include.length > 0 ? 'REDIRECT' : 'NONE',
    outboundPort: redirect('ISTIO_REDIRECT', base.outboundPort),
    inboundPort: tproxyPort(reading) ?? redirect('ISTIO_IN_REDIRECT', base.inboundPort),
    tunnelPort,
    proxy,
    inbound,
    outbound: outboundOf(reading, output, proxy, others),
    interfaces: interfacesOf(reading),
    dns: dnsOf(reading, base.dns),
    dropInvalid: reading.has('mangle', 'ISTIO_DROP'),
    tproxy: { ...base.tproxy, mark: markOf(reading) ?? base.tproxy.mark },
    // Only IPv4's can be chosen.
    loopback: (reading.family === 'ipv4' ? loopbackOf(reading, output) : undefined) ?? base.loopback,
  };
}

/** The proxy's own rules name the tunnel port too; a rule that someone took out of ISTIO_INBOUND must not hide it. */
function tunnelOf(reading: Reading, output: readonly string[]): number | undefined {
  const named = [
    ...caughtBy(output, /-p tcp -m tcp ! --dport (\d+) .*-j ISTIO_IN_REDIRECT$/),
    ...caughtBy(output, /-m multiport ! --dports 53,(\d+) .*-j ISTIO_IN_REDIRECT$/),
    ...caughtBy(reading.lines('nat', 'ISTIO_INBOUND'), new RegExp(`^${PORT} -j RETURN$`)),
  ];
  return named[0] === undefined ? undefined : Number(named[0]);
}

function tproxyPort(reading: Reading): number | undefined {
  const [port] = caughtBy(reading.lines('mangle', 'ISTIO_TPROXY'), /-j TPROXY --on-port (\d+) /);
  return port === undefined ? undefined : Number(port);
}

function inboundOf(reading: Reading, tproxy: boolean, tunnelPort: number): Interception['inbound'] {
  const lines = reading.lines(tproxy ? 'mangle' : 'nat', 'ISTIO_INBOUND');
  const target = tproxy ? 'ISTIO_TPROXY' : 'ISTIO_IN_REDIRECT';
  if (!lines.includes(`-p tcp -j ${target}`))
    return { include: caughtBy(lines, new RegExp(`^${PORT} -j ${target}$`)), exclude: [] };
  const returned = caughtBy(lines, new RegExp(`^${PORT} -j RETURN$`));
  return { include: '*', exclude: tproxy ? returned : without(returned, [String(tunnelPort)]) };
}

/** Each identity has three rules; two are enough to tell it from an excluded group, which has one. */
function proxyOf(output: readonly string[], tproxy: boolean): ProxyIdentity {
  const ofKind = (kind: 'uid' | 'gid'): string[] =>
    withMissing(
      caughtBy(output, new RegExp(` -m owner --${kind}-owner (\\S+) -j ISTIO_IN_REDIRECT$`)),
      caughtBy(output, new RegExp(`^-o lo .*-m owner ! --${kind}-owner (\\S+) -j RETURN$`)),
      kind === 'uid' ? caughtBy(output, /^-m owner --uid-owner (\S+) -j RETURN$/) : [],
    );
  const marks = withMissing(
    caughtBy(output, / -m mark --mark (\S+) -j ISTIO_IN_REDIRECT$/),
    caughtBy(output, /^-m mark --mark (\S+) -j RETURN$/),
  );
  // With TPROXY the mark of the proxy's calls to its own pod stands there as well, last.
  const own = tproxy && marks.at(-1) === '0x53a' ? marks.slice(0, -1) : marks;
  return { uids: ofKind('uid'), gids: ofKind('gid'), marks: own.map(Number) };
}

function outboundOf(
  reading: Reading,
  output: readonly string[],
  proxy: ProxyIdentity,
  others: readonly Reading[],
): Interception['outbound'] {
  const all = everywhere(reading.family);
  const destinations = (target: string): string[] => destinationsIn(output, target, all);
  const include = loopbackRetyped(destinations('ISTIO_REDIRECT'), output, proxy, reading.family, others);
  const loopback = loopbackOf(reading, output);
  const port = (protocol: string, target: string): string[] =>
    caughtBy(output, new RegExp(`^-p ${protocol} -m ${protocol} --dport (\\S+) -j ${target}$`));
  return {
    include: include.length === 1 && include[0] === all ? '*' : include,
    exclude: without(
      destinationsIn(behindIdentities(output, loopback), 'RETURN', all),
      loopback === undefined ? [] : [loopback],
    ),
    includePorts: port('tcp', 'ISTIO_REDIRECT'),
    excludePorts: withMissing(port('tcp', 'RETURN'), port('udp', 'RETURN')),
    ownerGroups: { include: includedGroups(output), exclude: excludedGroups(output, proxy) },
  };
}

/**
 * What is excluded stands behind the rule for loopback. A rule before it that returns everything is no network: istio-iptables writes
 * one where its list of owner groups is set and empty, and with it nothing is caught.
 */
function behindIdentities(output: readonly string[], loopback: string | undefined): readonly string[] {
  const at = output.indexOf(`-d ${loopback} -j RETURN`);
  return output.filter((line, index) => line !== '-j RETURN' || index > at);
}

/** One rule that names every group, or, for more than a rule can hold, one rule for each. */
function includedGroups(output: readonly string[]): Include<string> {
  const shape = /^(?:-m owner ! --gid-owner \S+ )+-j RETURN$/;
  const listed = output.filter((line) => shape.test(line)).flatMap((line) => [...line.matchAll(/--gid-owner (\S+)/g)]);
  const one = caughtBy(output, /^-m owner --gid-owner (\S+) -g ISTIO_OUTPUT_GROUPS$/);
  const groups = [...listed.map(([, gid = '']) => gid), ...one];
  return groups.length === 0 ? '*' : groups;
}

const excludedGroups = (output: readonly string[], { gids }: ProxyIdentity): string[] =>
  without(caughtBy(output, /^-m owner --gid-owner (\S+) -j RETURN$/), gids);

/**
 * Where the loopback network was to be caught as well, Istio leaves one rule of the proxy's out. It judges by the address
 * as it was typed, of which the kernel keeps only the bits under the mask: so it is typed here again, as a loopback one.
 */
function loopbackRetyped(
  include: readonly string[],
  output: readonly string[],
  { uids, gids, marks }: ProxyIdentity,
  family: Family,
  others: readonly Reading[],
): string[] {
  const identities = uids.length + gids.length + marks.length;
  const kept = output.some((line) => /^-o lo .*(?:owner ! --[ug]id-owner|mark ! --mark) .*-j RETURN$/.test(line));
  if (identities === 0 || kept) return [...include];
  // Where all is caught and the proxy has one identity, the rule is more likely to have been taken away by somebody.
  const isLikely = identities > 1 || include.length !== 1 || include[0] !== everywhere(family);
  const at = isLikely ? include.findIndex((word) => holdsLoopback(word, family)) : -1;
  const retyped = include.map((word, index) =>
    index === at ? `${LOOPBACK_HOST[family]}/${word.split('/')[1]}` : word,
  );
  if (at >= 0) return retyped;
  // Nothing of this family's own: then the other family's list holds its loopback.
  const other = others.find((one) =>
    destinationsIn(outputOf(one), 'ISTIO_REDIRECT', everywhere(one.family)).some((word) =>
      holdsLoopback(word, one.family),
    ),
  );
  return other ? [...retyped, `${LOOPBACK_HOST[other.family]}/${other.family === 'ipv4' ? 32 : 128}`] : retyped;
}

const LOOPBACK_HOST: Readonly<Record<Family, string>> = { ipv4: '127.0.0.1', ipv6: '::1' };

function holdsLoopback(word: string, family: Family): boolean {
  const [prefix, own] = [parsePrefix(word), parsePrefix(LOOPBACK_HOST[family])];
  return prefix !== undefined && own !== undefined && contains(prefix, own.value);
}

const outputOf = (reading: Reading): readonly string[] => [
  ...reading.lines('nat', 'ISTIO_OUTPUT'),
  ...reading.lines('nat', 'ISTIO_OUTPUT_GROUPS'),
];

/** Where what is sent to a target goes, in order; a rule without a condition stands for all destinations. */
const destinationsIn = (output: readonly string[], target: string, all: string): string[] =>
  output.flatMap((line) =>
    line === `-j ${target}` ? [all] : caughtBy([line], new RegExp(`^-d (\\S+) -j ${target}$`)),
  );

/** What counts as loopback in IPv4: the proxy's rules name it, and after them the first destination that is returned. */
function loopbackOf(reading: Reading, output: readonly string[]): string | undefined {
  return [
    ...caughtBy(output, /^! -d (\S+) -o lo /),
    ...caughtBy(reading.lines('mangle', 'ISTIO_TPROXY'), /^! -d (\S+) /),
    ...caughtBy(reading.lines('mangle', 'OUTPUT'), /^! -d (\S+) -o lo /),
    ...caughtBy(output, /^-d (\S+) -j RETURN$/),
  ][0];
}

function interfacesOf(reading: Reading): Interception['interfaces'] {
  const exclude = caughtBy(reading.lines('nat', 'OUTPUT'), /^-o (\S+) -j RETURN$/);
  const returned = caughtBy(reading.lines('nat', 'PREROUTING'), /^-i (\S+) -j RETURN$/);
  // An excluded interface has its own rule in PREROUTING, behind those of the virtual ones, which stand in reverse.
  const virtual = returned.reverse();
  return { exclude, virtual: without(virtual, exclude) };
}

function dnsOf(reading: Reading, base: Interception['dns']): Interception['dns'] {
  const asked = reading.lines('nat', 'ISTIO_OUTPUT_DNS');
  const zones = reading.lines('raw', 'ISTIO_OUTPUT_DNS');
  if (!reading.has('raw', 'ISTIO_OUTPUT_DNS')) return base;
  const shape = (to: string) => new RegExp(`^${to}-p udp -m udp --dport 53 -j REDIRECT --to-ports (\\d+)$`);
  const [all] = caughtBy(asked, shape(''));
  const [one] = caughtBy(asked, shape('-d \\S+ '));
  const [answered] = caughtBy(zones, /^-p udp -m udp --sport (\d+) /);
  const servers = caughtBy(asked, /^-d (\S+)\/\d+ -p udp -m udp --dport 53 -j REDIRECT /);
  return {
    capture: true,
    all: all !== undefined,
    port: Number(all ?? one ?? answered ?? base.port),
    // A family without name servers has the zones all the same, because the other family has some.
    servers: all !== undefined || servers.length > 0 ? servers : [reading.family === 'ipv4' ? '::1' : '127.0.0.1'],
  };
}

function markOf(reading: Reading): number | undefined {
  const [mark] = [
    ...caughtBy(reading.lines('mangle', 'ISTIO_DIVERT'), /^-j MARK --set-xmark (\S+?)\//),
    ...caughtBy(reading.lines('mangle', 'PREROUTING'), /^-p tcp -m mark --mark (\S+) -j CONNMARK --save-mark/),
  ];
  return mark === undefined ? undefined : Number(mark);
}
