import { FAMILIES, type Family } from '../address/index.ts';
import type { Snapshot, Unread } from '../netfilter/index.ts';
import { type Entry, parseDocuments, parseInterfaces, parseRoutes, parseRoutingRules } from './ip-json.ts';
import { speaksIpv6 } from './kernel-files.ts';
import { type Answers, nameOf, type Request } from './session.ts';
import { findTool, installHint } from './tool.ts';

/** Interfaces, routes and routing rules, or why they are not known. */
export type ReadRouting = Pick<Snapshot, 'interfaces' | 'routes' | 'routingRules'> & {
  readonly unread: readonly Unread[];
};

/** Which family's lists a request asks for; with IPv4's come the interfaces. */
export type RoutingKey = Family;

const LISTS = 'address show\nroute show table all\nrule list\n';

/** What to ask: one process a family. */
export function routingRequests(): Partial<Record<RoutingKey, Request>> {
  const ip = findTool('ip');
  if (ip === undefined) return {};
  const words = (family: '-4' | '-6') => [nameOf(ip), '-Numeric', '-json', family, '-batch', '-'];
  return {
    ipv4: { words: words('-4'), input: `link show\n${LISTS}` },
    ipv6: { words: words('-6'), input: LISTS },
  };
}

/** What was listed of one family. */
interface Lists {
  readonly links: readonly Entry[];
  readonly addresses: readonly Entry[];
  readonly routes: readonly Entry[];
  readonly rules: readonly Entry[];
}

const NONE: Lists = { links: [], addresses: [], routes: [], rules: [] };

/** Reads the answers to these requests. All of it is known, or none. */
export function readRouting({ files, answers }: Answers<RoutingKey>): ReadRouting {
  if (findTool('ip') === undefined) return unknown('ip is not installed', installHint(['ip']));
  const lists = FAMILIES.map((family) => {
    if (family === 'ipv6' && !speaksIpv6(files)) return NONE;
    const answer = answers[family];
    return answer?.status === 0 ? readLists(answer.stdout, family) : undefined;
  });
  const [ipv4, ipv6] = lists;
  if (ipv4 === undefined || ipv6 === undefined) {
    const because = 'ip does not list them as JSON here';
    return unknown(because, `That takes the ip of iproute2, not of BusyBox. ${installHint(['ip'])}`);
  }
  const routes = [parseRoutes(ipv4.routes, 'ipv4'), parseRoutes(ipv6.routes, 'ipv6')];
  return {
    interfaces: parseInterfaces(ipv4.links, [...ipv4.addresses, ...ipv6.addresses]),
    routes: routes.flatMap(({ routes }) => routes),
    routingRules: [...parseRoutingRules(ipv4.rules, 'ipv4'), ...parseRoutingRules(ipv6.rules, 'ipv6')],
    unread: routes.flatMap(({ leftOut }) =>
      leftOut.map((what): Unread => ({ about: 'routes', what, because: 'Sidestep follows plain routes only' })),
    ),
  };
}

function readLists(text: string, family: Family): Lists | undefined {
  const documents = parseDocuments(text);
  const [links, addresses, routes, rules] = family === 'ipv4' ? documents : [[], ...documents];
  return links && addresses && routes && rules ? { links, addresses, routes, rules } : undefined;
}

const unknown = (because: string, hint: string): ReadRouting => ({
  unread: [
    { about: 'interfaces', what: 'interfaces and addresses', because, hint },
    { about: 'routes', what: 'routes', because, hint },
    { about: 'routingRules', what: 'routing rules', because, hint },
  ],
});
