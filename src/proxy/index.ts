export { type AccessLog, LOG_LEVELS, type LogLevel, openAccessLog } from './access-log.ts';
export { formatRecord, formatText, LOG_FORMATS, type LogFormat } from './access-log-line.ts';
export {
  DIALECT_DEFAULTS,
  type DrainTimes,
  PROXY_DEFAULTS,
  type ProxyConfig,
  ProxyConfigRefused,
  type ProxyDialect,
  type ProxyMode,
  type Settings,
  settingsOf,
} from './config.ts';
export type { ConnectionRecord, Engine, EngineName, Flag, Hearer, ListenerOptions, OpenListener } from './engine.ts';
export { type EpollOptions, epollEngine } from './epoll/index.ts';
export { EngineUnavailable, PortUnavailable, ProxyNotPermitted, TakeOverFailed } from './errors.ts';
export { type Protocol, recognise, type Spoken } from './first-bytes.ts';
export { fileLog, type LogFile, openLogFile } from './log-file.ts';
export { METRICS_PATHS } from './metrics.ts';
export { netEngine } from './net-engine.ts';
export type { KernelSockets } from './net-sockets.ts';
export type { Pod, Published } from './pod.ts';
export { type Arrival, type Decision, type Direction, decide, type Host } from './policy.ts';
export { probe } from './probe.ts';
export { probeFrom } from './probe-from.ts';
export { type InterceptionProbe, PROBE_PORT, probeInterception } from './probe-interception.ts';
export type { ProbeRequest, ProbeResult } from './probe-result.ts';
export { type ProxyStatistics, type RunningProxy, startProxy } from './proxy.ts';
export { LIVENESS_PATH, READINESS_PATH } from './readiness.ts';
export type { DrainReport } from './shutdown.ts';
