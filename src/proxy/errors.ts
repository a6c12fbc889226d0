import { holderOf, SystemCallFailed } from '../linux/socket/index.ts';

/** A port that the proxy needs and does not get. The message names the port, who holds it, and the way out. */
export class PortUnavailable extends Error {
  readonly port: number;
  readonly code: string;
  /** What to do about it. */
  readonly hint: string;
  readonly exitStatus: 2 | 3;

  constructor(port: number, code: string, message: string, hint: string) {
    super(message);
    this.name = 'PortUnavailable';
    this.port = port;
    this.code = code;
    this.hint = hint;
    this.exitStatus = code === 'EACCES' || code === 'EPERM' ? 3 : 2;
  }
}

/** Something the proxy may not do. `capability` is the one that would allow it. */
export class ProxyNotPermitted extends Error {
  readonly capability: string;
  readonly hint: string;
  readonly exitStatus = 3;

  constructor(what: string, capability: string, hint: string) {
    super(`${what}: not permitted (${capability} is missing)`);
    this.name = 'ProxyNotPermitted';
    this.capability = capability;
    this.hint = hint;
  }
}

/** The engine that was asked for does not work on this system. */
export class EngineUnavailable extends Error {
  readonly hint = 'leave the engine open, or ask for net, which works wherever Node.js does';
  readonly exitStatus = 3;
  readonly why: string;

  constructor(why: string) {
    super(`the engine epoll does not work here: ${why}`);
    this.name = 'EngineUnavailable';
    this.why = why;
  }
}

/** The proxy that has the ports did not give them. The message names it. */
export class TakeOverFailed extends Error {
  readonly hint = 'stop it and start this one without --take-over, or start this one as its user';
  readonly exitStatus = 2;

  constructor(port: number, pid: number, why: string) {
    super(`the proxy on port ${port} (pid ${pid}) cannot be taken over: ${why}`);
    this.name = 'TakeOverFailed';
  }
}

const codeOf = (error: unknown): string =>
  error instanceof SystemCallFailed ? error.code : ((error as NodeJS.ErrnoException)?.code ?? '');

/** Whether the address family is not there at all: then IPv4 alone is listened on. */
export const lacksFamily = (error: unknown): boolean => ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error));

/** What a failed listener says to a person. */
export function explainListen(error: unknown, port: number, purpose: string): Error {
  if (error instanceof EngineUnavailable) return error;
  const code = codeOf(error);
  const call = error instanceof SystemCallFailed ? error.call : 'bind';
  if (code === 'EADDRINUSE') return inUse(port, purpose);
  if (call.includes('TRANSPARENT')) {
    const hint = 'run the proxy with CAP_NET_ADMIN (setpriv, or capabilities.add: [NET_ADMIN]), or use REDIRECT mode';
    return new ProxyNotPermitted(`TPROXY on port ${port}`, 'CAP_NET_ADMIN', hint);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = `choose a port of 1024 or above, or grant CAP_NET_BIND_SERVICE; net.ipv4.ip_unprivileged_port_start also decides`;
    return new PortUnavailable(port, code, `port ${port} (${purpose}): not permitted`, hint);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new PortUnavailable(port, code, `port ${port} (${purpose}): ${message}`, WAY_OUT[code] ?? ELSEWHERE);
}

const ELSEWHERE = 'check the address to listen on';
const MORE_FILES = 'allow it more open files (ulimit -n; LimitNOFILE in a unit of systemd)';
/** What to do about it, by errno's name. Source: ipv6(7), sin6_scope_id. */
const WAY_OUT: Readonly<Record<string, string>> = {
  EMFILE: MORE_FILES,
  ENFILE: MORE_FILES,
  EADDRNOTAVAIL: 'this host has no such address; ip address shows those that it has',
  EINVAL: `${ELSEWHERE}: one that is link-local needs its interface, as in fe80::1%eth0`,
};

function inUse(port: number, purpose: string): PortUnavailable {
  const holder = holderOf(port);
  const who = holder ? `${holder.name} (pid ${holder.pid})` : 'another process';
  const hint = holder
    ? `stop it (kill ${holder.pid}), or choose another port and point the rules there`
    : `see who holds it with: ss -ltnp 'sport = :${port}' (as root), or choose another port and point the rules there`;
  return new PortUnavailable(port, 'EADDRINUSE', `port ${port} (${purpose}) is in use by ${who}`, hint);
}

/** What a refused option of the proxy's own connections says to a person. */
export function explainDeparture(error: unknown): Error {
  if (codeOf(error) !== 'EPERM') return error instanceof Error ? error : new Error(String(error));
  const what = error instanceof SystemCallFailed && error.call.includes('MARK') ? 'SO_MARK' : 'IP_TRANSPARENT';
  const hint =
    what === 'SO_MARK'
      ? 'run the proxy with CAP_NET_ADMIN, or leave the mark out and let the rules know the proxy by its uid'
      : 'run the proxy with CAP_NET_ADMIN, or let it connect from its own address (--inbound-source proxy)';
  return new ProxyNotPermitted(`${what} on the proxy’s own connections`, 'CAP_NET_ADMIN', hint);
}
