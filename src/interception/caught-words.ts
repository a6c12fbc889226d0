import { formatPortRange, formatPrefix, highest, type PortRange, type Prefix } from '../address/index.ts';
import type { Caught, ProxyIdentity } from './interception.ts';

/** A sentence's parts: what traffic, where to, and who is left out. */
export interface CaughtWords {
  /** `tcp :8080 :8888, not to 127.0.0.1`. */
  readonly traffic: string;
  /** `proxy :15001`; `this host :22` where the port is not the proxy's. */
  readonly to: string;
  /** `not from uid 1337, gid 1337 (the proxy)`. */
  readonly note?: string;
}

/**
 * Says what is caught. `proxy` names the owners that are the proxy itself, `proxyPorts` the ports that it listens on: what
 * is turned to another port goes to another program of this host.
 */
export function wordsOf(caught: Caught, proxy?: ProxyIdentity, proxyPorts: readonly number[] = []): CaughtWords {
  const note = ownerWords(caught, proxy);
  const port = caught.proxyPort;
  const whose = port === 0 || proxyPorts.length === 0 || proxyPorts.includes(port) ? 'proxy' : 'this host';
  return {
    traffic: trafficOf(caught),
    to: port === 0 ? 'proxy, on its own port' : `${whose} :${port}`,
    ...(note === undefined ? {} : { note }),
  };
}

/** The traffic itself, without who sends it. */
export function trafficOf(caught: Caught): string {
  const { ports, exceptPorts, sources, exceptSources, destinations, exceptDestinations } = caught;
  const protocol = caught.protocol === 'any' ? 'everything' : caught.protocol;
  const by = caught.direction === 'inbound' ? 'on' : 'by';
  const restricted = [
    ports === '*' ? protocol : `${protocol} ${portList(ports)}`,
    sources === '*' ? '' : `from ${prefixList(sources)}`,
    destinations === '*' ? '' : `to ${prefixList(destinations)}`,
    caught.interfaces === '*' ? '' : `${by} ${caught.interfaces.join(', ')}`,
  ];
  const excepted = [
    exceptPorts.length > 0 ? `but ${portList(exceptPorts)}` : '',
    exceptSources.length > 0 ? `not from ${prefixList(exceptSources)}` : '',
    exceptDestinations.length > 0 ? `not to ${prefixList(exceptDestinations)}` : '',
    caught.exceptInterfaces.length > 0 ? `not ${by} ${caught.exceptInterfaces.join(', ')}` : '',
    ...caught.also,
  ];
  const said = (parts: readonly string[], between: string): string => parts.filter((part) => part !== '').join(between);
  return said([said(restricted, ' '), ...excepted], ', ');
}

/** `:8080 :9000-9010`. */
export const portList = (ports: readonly PortRange[]): string =>
  ports.map((range) => `:${formatPortRange(range, '-')}`).join(' ');

const prefixList = (prefixes: readonly Prefix[]): string => prefixes.map(shortPrefix).join(', ');

/** One address without its /32. */
const shortPrefix = (prefix: Prefix): string =>
  prefix.mask === highest(prefix.family) ? formatPrefix(prefix).replace(/\/\d+$/, '') : formatPrefix(prefix);

function ownerWords({ owners, exceptOwners }: Caught, proxy: ProxyIdentity | undefined): string | undefined {
  const parts = [
    owners === '*' ? '' : `only from ${ownerList(owners, proxy)}`,
    exceptOwners.length > 0 ? `not from ${ownerList(exceptOwners, proxy)}` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join(', ');
}

function ownerList(owners: readonly string[], proxy: ProxyIdentity | undefined): string {
  const isProxy = (owner: string): boolean => {
    const [kind = '', id = ''] = owner.split(' ');
    if (kind === 'mark') return proxy?.marks.includes(Number(id)) ?? false;
    return proxy?.[kind === 'uid' ? 'uids' : 'gids'].includes(id) ?? false;
  };
  const own = owners.filter(isProxy);
  const others = owners.filter((owner) => !isProxy(owner));
  return [own.length > 0 ? `${own.join(', ')} (the proxy)` : '', ...others].filter((part) => part !== '').join(', ');
}
