import { faint, good, line, paragraph, type Screen, warn } from '../explain/index.ts';
import type { DrainReport, RunningProxy } from '../proxy/index.ts';

/** The uid and gid that rules leave alone unless told otherwise. */
const PROXY_ID = 1337;
const HANG = 7;

/** What the proxy listens on, what it does with what comes, and what is left to do. */
export function startScreen(running: RunningProxy): Screen {
  const { settings, maxConnections } = running;
  const to =
    settings.inboundUpstream === 'loopback' ? 'the same port of the loopback' : 'the address that the client asked for';
  const seen = settings.inboundSource === 'client' ? "the client's own address" : 'the proxy';
  return [
    paragraph(line(good('ready'), `  takes ${portsOf(running)} (${settings.mode})`), HANG),
    under(`inbound goes on to ${to}; the app sees ${seen}`),
    under(engineOf(running)),
    ...predecessor(running),
    ...identity(running),
    ...(maxConnections < settings.maxConnections
      ? [under(`at most ${maxConnections} connections a port: open files (ulimit -n) are limited to no more`)]
      : []),
    paragraph(line(faint(`       ${readinessOf(running)}; SIGTERM drains`)), HANG),
    paragraph(
      line(faint('       what comes here is up to the rules: sidestep init makes them, sidestep list shows them')),
      HANG,
    ),
  ];
}

const under = (text: string) => paragraph(`       ${text}`, HANG);

/** Where it listens: a port alone is one of any address. */
function portsOf({ settings, inboundPort, outboundPort }: RunningProxy): string {
  const host = settings.address.includes(':') ? `[${settings.address}]` : settings.address;
  const at = (port: number) => `${settings.address === '::' ? '' : host}:${port}`;
  return inboundPort === outboundPort
    ? `inbound and outbound connections on ${at(outboundPort)}`
    : `outbound connections on ${at(outboundPort)}, inbound ones on ${at(inboundPort)}`;
}

function engineOf({ engine: { name, workers, because } }: RunningProxy): string {
  if (name === 'epoll') return `engine epoll, ${workers === 1 ? '1 worker' : `${workers} workers`}`;
  return because === undefined ? 'engine net' : `engine net: epoll does not work here, ${because}`;
}

/** Whose place it took, where it was to take one. */
function predecessor({ settings, tookOver }: RunningProxy): Screen {
  if (!settings.takeOver) return [];
  return tookOver === undefined
    ? [under('no proxy was there whose place to take')]
    : [under(`takes the place of pid ${tookOver}, which finishes what it has and ends`)];
}

/** How rules can tell the proxy's own connections; those that they catch would come back to it. */
function identity({ settings }: RunningProxy): Screen {
  if (settings.mark > 0) return [under(`its own connections carry mark 0x${settings.mark.toString(16)}`)];
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (uid === PROXY_ID || gid === PROXY_ID) return [];
  const hint = `sidestep init --proxy-uid ${uid}, or start it as uid or gid ${PROXY_ID}, or with --mark (init: --proxy-mark)`;
  return [
    paragraph(
      line(
        '       ',
        warn(`its own connections are uid ${uid}'s`),
        `; rules leave those of ${PROXY_ID} alone: ${hint}`,
      ),
      HANG,
    ),
  ];
}

function readinessOf({ readinessPort, metricsPort, adminPort }: RunningProxy): string {
  const told = [
    readinessPort === undefined ? 'no readiness port' : `readiness on :${readinessPort}/healthz/ready`,
    ...(metricsPort === undefined ? [] : [`metrics on :${metricsPort}/stats/prometheus`]),
    ...(adminPort === undefined ? [] : [`admin on 127.0.0.1:${adminPort}`]),
  ];
  return told.join(', ');
}

/** What a signal has begun. */
export function drainingScreen(signal: string, running: RunningProxy): Screen {
  const { notice, timeout } = running.settings.drain;
  const { open } = running.statistics();
  return [
    paragraph(
      `${signal}: draining. Not ready from now on; accepting for another ${notice / 1000} s, then up to ${timeout / 1000} s for what is open (${open} now). Once more ends it at once.`,
    ),
  ];
}

/** Another has taken its place. */
export function takenOverScreen(pid: number, running: RunningProxy): Screen {
  const { open } = running.statistics();
  return [paragraph(`pid ${pid} has taken over: accepting no more, and ending once what is open has (${open} now).`)];
}

/** What a signal has begun where another has taken its place. */
export function hurriedScreen(signal: string, running: RunningProxy): Screen {
  const { open } = running.statistics();
  const seconds = running.settings.drain.timeout / 1000;
  return [paragraph(`${signal}: up to ${seconds} s for what is open (${open} now). Once more ends it at once.`)];
}

/** How it ended. `told`: why lines of the access log get lost was said when it happened. */
export function endScreen({ ended, reset, logLinesDropped }: DrainReport, told: boolean): Screen {
  const lost =
    logLinesDropped > 0
      ? warn(` ${logLinesDropped} lines of the access log were lost${told ? '' : ': its reader was too slow'}.`)
      : '';
  return [paragraph(line(`stopped: ${ended} connections ended while draining, ${reset} were reset.`, lost))];
}
