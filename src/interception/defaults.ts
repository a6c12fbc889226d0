import type { DialectName, Interception } from './interception.ts';

/**
 * What a dialect does when it is told nothing: it catches nothing. Ports, marks and identities are the product's own.
 *
 * @example const both = { ...defaultInterception('istio'), inbound: { include: '*', exclude: ['15020'] } }
 */
export const defaultInterception = (dialect: DialectName): Interception => ({
  dialect,
  mode: 'REDIRECT',
  families: ['ipv4'],
  outboundPort: 15001,
  // One port took both directions in 2018.
  inboundPort: dialect === 'istio-2018' ? 15001 : 15006,
  tunnelPort: 15008,
  proxy: { uids: ['1337'], gids: ['1337'], marks: [] },
  inbound: { include: [], exclude: [] },
  outbound: {
    include: [],
    exclude: [],
    includePorts: [],
    excludePorts: [],
    ownerGroups: { include: '*', exclude: [] },
  },
  interfaces: { exclude: [], virtual: [] },
  dns: { capture: false, all: false, port: 15053, servers: [] },
  dropInvalid: false,
  tproxy: { mark: 1337, table: 133 },
  loopback: '127.0.0.1/32',
});
