import { isIP } from 'node:net';
import type { Writable } from 'node:stream';
import type { LogFormat } from './access-log-line.ts';
import type { ConnectionRecord, EngineName } from './engine.ts';
import type { Pod } from './pod.ts';

/** How inbound connections reach the proxy: nat REDIRECT or mangle TPROXY. Outbound ones always come by REDIRECT. */
export type ProxyMode = 'REDIRECT' | 'TPROXY';

/** Which generation's rules the proxy stands behind; decides the defaults of the fields that say so. */
export type ProxyDialect = 'istio' | 'istio-2018';

/** How a proxy shuts down once asked to. Milliseconds. */
export interface DrainTimes {
  /** How long it still accepts after readiness has begun to fail, so that nobody is sent here any more (5000). */
  readonly notice: number;
  /** How long open connections then have to end by themselves before they are reset (20000). */
  readonly timeout: number;
}

/** What a proxy is to do. Every field has a default (PROXY_DEFAULTS, `dialect` deciding where noted). Times in milliseconds. */
export interface ProxyConfig {
  /** `istio` (today's) or `istio-2018`. Default `istio`. */
  readonly dialect?: ProxyDialect;
  /** The address listened on. Default `::`, which takes both families; `0.0.0.0` where this host has no IPv6. */
  readonly address?: string;
  /** The port that takes outbound connections. Default 15001. 0 asks the kernel for one (tests). */
  readonly outboundPort?: number;
  /**
   * The port that takes inbound connections. Default 15006, in istio-2018 the outbound port: then one listener takes both,
   * and a connection is inbound where its original destination is an address of this host.
   */
  readonly inboundPort?: number;
  /** Default `REDIRECT`. `TPROXY` needs CAP_NET_ADMIN. */
  readonly mode?: ProxyMode;
  /**
   * What an inbound connection is passed on to: the original address (`original`), or the same port of 127.0.0.1 or ::1
   * (`loopback`; in 2018 the rules redirect everything on `lo` that does not go to 127.0.0.1).
   * Default `original`, in istio-2018 `loopback`.
   */
  readonly inboundUpstream?: 'original' | 'loopback';
  /**
   * The address that the app sees an inbound connection come from. `proxy`: 127.0.0.6 or ::6 with `original`, which today's
   * rules let pass; the kernel's choice with `loopback`. `client`: the client's own address (its port changes), which needs
   * `original`, CAP_NET_ADMIN and the rules of TPROXY mode, so that the app's answers come back.
   * Default `proxy`; `client` in TPROXY mode with `original`, as Istio does.
   */
  readonly inboundSource?: 'proxy' | 'client';
  /** SO_MARK of every connection the proxy opens, for rules that know it by mark; needs CAP_NET_ADMIN. Default 0: none. */
  readonly mark?: number;
  /** SO_MARK of connections that keep the client's address, instead of `mark`. Default 1337 (istio-iptables' `-t`). */
  readonly tproxyMark?: number;
  /** How long an upstream may take to answer a connection attempt. Default 10000. */
  readonly connectTimeout?: number;
  /** How long a connection may move no byte either way; 0 for ever. Default 3600000, Envoy's hour. */
  readonly idleTimeout?: number;
  /** Silence after which the kernel asks a peer whether it is still there (TCP keep-alive); 0 never. Default 60000. */
  readonly keepAlive?: number;
  /**
   * Connections open at a time per listener; the next one is reset and logged with UO. Default 10000; never more than
   * what the limit of open files allows, at two for each connection.
   */
  readonly maxConnections?: number;
  /** What moves the bytes. Default: `epoll` where it works, else `net`. */
  readonly engine?: EngineName | 'auto';
  /** Threads that move bytes, where the engine is `epoll`; 0 for as many as there are processors, the default. */
  readonly workers?: number;
  /** The port of `GET /healthz/ready`; `none` for none. Default 15021. */
  readonly readinessPort?: number | 'none';
  /** The port on which Prometheus is answered, at any address; `none` for none. Default 15090. */
  readonly metricsPort?: number | 'none';
  /** The port on 127.0.0.1 for who runs the proxy: connections, configuration, log level, drain; `none` for none. Default 15000. */
  readonly adminPort?: number | 'none';
  readonly drain?: Partial<DrainTimes>;
  /**
   * Takes the place of the proxy that has the outbound port: its listening sockets are handed over, so that no connection is
   * refused, and it ends once those that it has are over. Where there is none, this one starts as always. Default false.
   */
  readonly takeOver?: boolean;
  /** The app's network namespace, where it is not this one. Default: it is this one. */
  readonly pod?: Pod;
  /** Where the access log goes: one line per connection, when it ends. Default nowhere. The stream is not closed. */
  readonly accessLog?: Writable;
  /** Default `json`. */
  readonly accessLogFormat?: LogFormat;
  /** Bytes of access log that may wait for a slow reader; lines beyond are dropped and counted. Default 1 MiB. */
  readonly accessLogBuffer?: number;
  /** Told of each connection when it has ended, as the access log is. Default nobody. */
  readonly onConnection?: (record: ConnectionRecord) => void;
  /** Told of each connection that came by a published port, when it has ended: `upstreamLocal` is who calls for the pod. Default nobody. */
  readonly onTheWay?: (record: ConnectionRecord) => void;
  /** Told, in words, when the system has none of what connections need: descriptors, memory. Serving goes on. Default nobody. */
  readonly onTrouble?: (what: string) => void;
}

/** A configuration with nothing left open. */
export type Settings = {
  readonly [Field in keyof Omit<
    Required<ProxyConfig>,
    'accessLog' | 'onConnection' | 'onTheWay' | 'onTrouble' | 'drain' | 'pod'
  >]: Required<ProxyConfig>[Field];
} & { readonly drain: DrainTimes; readonly pod?: Pod };

/** Today's Istio. What `istio-2018` changes is in DIALECT_DEFAULTS. */
export const PROXY_DEFAULTS: Settings = {
  dialect: 'istio',
  address: '::',
  outboundPort: 15001,
  inboundPort: 15006,
  mode: 'REDIRECT',
  inboundUpstream: 'original',
  inboundSource: 'proxy',
  mark: 0,
  tproxyMark: 1337,
  connectTimeout: 10_000,
  idleTimeout: 3_600_000,
  keepAlive: 60_000,
  maxConnections: 10_000,
  engine: 'auto',
  workers: 0,
  readinessPort: 15021,
  metricsPort: 15090,
  adminPort: 15000,
  drain: { notice: 5_000, timeout: 20_000 },
  takeOver: false,
  accessLogFormat: 'json',
  accessLogBuffer: 1 << 20,
};

/** What a dialect changes in PROXY_DEFAULTS. */
export const DIALECT_DEFAULTS: Readonly<Record<ProxyDialect, Partial<Settings>>> = {
  istio: {},
  'istio-2018': { inboundPort: 15001, inboundUpstream: 'loopback' },
};

/** A configuration that cannot work: every problem at once, each naming its field. */
export class ProxyConfigRefused extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ProxyConfigRefused';
    this.problems = problems;
  }
}

/** Fills in the defaults. Throws ProxyConfigRefused. */
export function settingsOf(config: ProxyConfig): Settings {
  const { accessLog: _, onConnection: __, onTheWay: ___, onTrouble: ____, drain, ...given } = config;
  const dialect = given.dialect ?? PROXY_DEFAULTS.dialect;
  const known: Settings = { ...PROXY_DEFAULTS, ...DIALECT_DEFAULTS[dialect], ...withoutUndefined(given), dialect };
  const settings: Settings = {
    ...known,
    // In 2018 the inbound port follows the outbound one.
    inboundPort: given.inboundPort ?? (dialect === 'istio-2018' ? known.outboundPort : known.inboundPort),
    inboundSource:
      given.inboundSource ?? (known.mode === 'TPROXY' && known.inboundUpstream === 'original' ? 'client' : 'proxy'),
    drain: { ...PROXY_DEFAULTS.drain, ...withoutUndefined(drain ?? {}) },
  };
  const problems = problemsOf(settings);
  if (problems.length > 0) throw new ProxyConfigRefused(problems);
  return settings;
}

const withoutUndefined = <T extends object>(given: T): Partial<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;

/** What a timer of Node can wait: 24 days and some hours. */
const LONGEST = 0x7fff_ffff;

function problemsOf(settings: Settings): string[] {
  const problems: string[] = [];
  const whole = (field: string, value: number, low: number, high: number, what: string) => {
    if (!Number.isInteger(value) || value < low || value > high) {
      problems.push(`${field}: ${what} from ${low} to ${high} expected, not ${value}`);
    }
  };
  const { outboundPort, inboundPort, readinessPort, metricsPort, adminPort, inboundSource, inboundUpstream, drain } =
    settings;
  // A name would be asked of a DNS server, maybe through this very proxy.
  if (isIP(settings.address) === 0) {
    problems.push(`address: an IPv4 or IPv6 address expected, not ${JSON.stringify(settings.address)}`);
  }
  whole('outboundPort', outboundPort, 0, 65535, 'a port');
  whole('inboundPort', inboundPort, 0, 65535, 'a port');
  const beside = Object.entries({ readinessPort, metricsPort, adminPort });
  for (const [at, [field, port]] of beside.entries()) {
    if (port === 'none') continue;
    const [same] = beside.slice(0, at).find(([, other]) => other === port && port !== 0) ?? [];
    if (same !== undefined) problems.push(`${field}: ${port} is also the ${same}`);
    whole(field, port, 0, 65535, 'a port');
    if (port !== 0 && (port === inboundPort || port === outboundPort)) {
      problems.push(`${field}: ${port} is also a port that the proxy takes connections on`);
    }
  }
  whole('mark', settings.mark, 0, 0xffff_ffff, 'a mark');
  whole('tproxyMark', settings.tproxyMark, 0, 0xffff_ffff, 'a mark');
  whole('maxConnections', settings.maxConnections, 1, 1_000_000, 'a count');
  whole('workers', settings.workers, 0, 256, 'a count');
  whole('accessLogBuffer', settings.accessLogBuffer, 0, 1 << 30, 'a number of bytes');
  const { connectTimeout, idleTimeout, keepAlive } = settings;
  const times = {
    connectTimeout,
    idleTimeout,
    keepAlive,
    'drain.notice': drain.notice,
    'drain.timeout': drain.timeout,
  };
  for (const [field, value] of Object.entries(times)) {
    const low = field === 'connectTimeout' ? 1 : 0;
    if (!Number.isInteger(value) || value < low || value > LONGEST) {
      problems.push(`${field}: a time from ${low} ms to 24 days expected, not ${value} ms`);
    }
  }
  if (inboundSource === 'client' && inboundUpstream === 'loopback') {
    problems.push('inboundSource: a client’s address cannot reach the loopback; use inboundUpstream "original"');
  }
  return problems;
}
