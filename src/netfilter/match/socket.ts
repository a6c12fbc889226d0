import { flag, type MatchExtension } from '../extension.ts';
import { SOCKET_LOOKUP } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { all, is, isIn, type Predicate, unknown } from '../predicate.ts';

export interface SocketOptions {
  /** Only sockets that are open with IP_TRANSPARENT. */
  readonly transparent?: true;
  /** Sockets that are bound to any address count too. */
  readonly noWildcard?: true;
  /** The packet takes the socket's mark. */
  readonly restoreMark?: true;
}

const { plain, wildcard, transparent: bound, wildcardTransparent } = SOCKET_LOOKUP;

function found({ transparent, noWildcard }: SocketOptions): Predicate {
  if (transparent) return noWildcard ? isIn('socketLookup', [bound, wildcardTransparent]) : is('socketLookup', bound);
  return noWildcard ? isIn('socketLookup', [wildcard, wildcardTransparent]) : isIn('socketLookup', [plain, bound]);
}

/** `-m socket`: a socket of this host would take the packet. Source: iptables-extensions(8), socket; net/netfilter/xt_socket.c. */
export const socket: MatchExtension<SocketOptions> = {
  name: 'socket',
  places: { hooks: ['PREROUTING', 'INPUT'] },
  options: {
    transparent: flag('--transparent'),
    noWildcard: flag('--nowildcard'),
    restoreMark: flag('--restore-skmark'),
  },
  listed: listedAfter(
    /socket/,
    [/--transparent/, '--transparent'],
    [/--nowildcard/, '--nowildcard'],
    [/--restore-skmark/, '--restore-skmark'],
  ),
  predicate: (options) =>
    options.restoreMark
      ? all(found(options), unknown('--restore-skmark gives the packet the mark of its socket, which is not known'))
      : found(options),
};
