import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { Option } from 'commander';
import { faint, good, line, paragraph, warn } from '../explain/index.ts';
import type { DrainReport, ProxyConfig, RunningProxy } from '../proxy/index.ts';
import { defineCommand } from './command.ts';
import { milliseconds, port, wholeNumber } from './options.ts';
import { loadLinux } from './source.ts';
import { EXIT } from './status.ts';
import type { Terminal } from './terminal.ts';

interface ProxyOptions extends Omit<ProxyConfig, 'accessLog' | 'accessLogBuffer' | 'drain'> {
  readonly accessLog: string;
  readonly drainNotice?: number;
  readonly drainTimeout?: number;
}

const mark = wholeNumber('a mark', 0, 0xffff_ffff);

export const proxy = defineCommand<ProxyOptions>({
  examples: [
    ['sidestep proxy', "today's Istio ports: outbound 15001, inbound 15006, readiness 15021"],
    ['sidestep proxy --dialect istio-2018', 'one port, 15001, for both directions'],
    ['sidestep proxy --mark 1337', 'its own traffic is known by mark: where uid 1337 does not exist'],
    ['sudo -u "#1337" sidestep proxy', 'as the user that init leaves alone'],
  ],
  declare(command) {
    command
      .optionsGroup('What it stands behind:')
      .addOption(
        new Option('--dialect <name>', "whose rules bring the connections; decides the ports' defaults").choices([
          'istio',
          'istio-2018',
        ]),
      )
      .addOption(new Option('--mode <mode>', 'how inbound connections come').choices(['REDIRECT', 'TPROXY']))
      .addOption(new Option('--outbound-port <port>', 'takes outbound connections (15001)').argParser(port))
      .addOption(
        new Option(
          '--inbound-port <port>',
          'takes inbound connections (15006; the outbound port in istio-2018)',
        ).argParser(port),
      )
      .option('--address <address>', 'where it listens (::, both families)')
      .optionsGroup('Where connections go on to:')
      .addOption(
        new Option('--inbound-upstream <where>', 'the original address, or the same port of the loopback').choices([
          'original',
          'loopback',
        ]),
      )
      .addOption(new Option('--inbound-source <whose>', 'the address that the app sees').choices(['proxy', 'client']))
      .addOption(
        new Option('--mark <mark>', "a mark on the proxy's own connections, for rules that know it by mark").argParser(
          mark,
        ),
      )
      .addOption(
        new Option('--tproxy-mark <mark>', 'the mark instead, where the client’s address is kept (1337)').argParser(
          mark,
        ),
      )
      .optionsGroup('Limits:')
      .addOption(new Option('--connect-timeout <time>', 'for an upstream to answer (10s)').argParser(milliseconds))
      .addOption(
        new Option('--idle-timeout <time>', 'without a byte either way; 0 for ever (1h)').argParser(milliseconds),
      )
      .addOption(
        new Option('--keep-alive <time>', 'silence until the kernel asks a peer; 0 never (60s)').argParser(
          milliseconds,
        ),
      )
      .addOption(
        new Option('--max-connections <count>', 'at a time and port (10000)').argParser(
          wholeNumber('a count', 1, 1_000_000),
        ),
      )
      .addOption(
        new Option('--drain-notice <time>', 'after SIGTERM, until it stops accepting (5s)').argParser(milliseconds),
      )
      .addOption(
        new Option('--drain-timeout <time>', 'then, for open connections to end (20s)').argParser(milliseconds),
      )
      .optionsGroup('What it tells:')
      .addOption(
        new Option('--readiness-port <port>', 'GET /healthz/ready; none for none (15021)').argParser((word) =>
          word === 'none' ? word : port(word),
        ),
      )
      .option(
        '--access-log <file>',
        'one JSON line a connection, with Envoy’s field names; - is standard output, none none',
        '-',
      );
  },
  async run({ options, terminal }) {
    await loadLinux();
    const { startProxy } = await import('../proxy/index.ts');
    const { accessLog, drainNotice, drainTimeout, ...config } = options;
    const log = await openLog(accessLog);
    const running = await startProxy({
      ...config,
      ...(log ? { accessLog: log } : {}),
      drain: {
        ...(drainNotice === undefined ? {} : { notice: drainNotice }),
        ...(drainTimeout === undefined ? {} : { timeout: drainTimeout }),
      },
    });
    // Signals are taken before anything is said: who reads "ready" may send one at once.
    const ended = untilStopped(running, terminal);
    await sayStart(running, terminal);
    await sayEnd(await ended, terminal);
    return EXIT.done;
  },
});

async function openLog(path: string): Promise<Writable | undefined> {
  if (path === 'none') return undefined;
  if (path === '-') return process.stdout;
  const stream = createWriteStream(path, { flags: 'a' });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', async (error) => {
      const { UnreadableInput } = await import('./usage.ts');
      reject(
        new UnreadableInput(
          path,
          `cannot be written: ${error.message}`,
          'Name another file for --access-log, or none.',
        ),
      );
    });
  });
  return stream;
}

/** The first SIGTERM or SIGINT drains, the second ends at once. */
function untilStopped(running: RunningProxy, terminal: Terminal): Promise<DrainReport> {
  return new Promise((resolve, reject) => {
    let asked = false;
    const stop = (signal: string): void => {
      if (asked) {
        running.close().then(resolve, reject);
        return;
      }
      asked = true;
      const { notice, timeout } = running.settings.drain;
      const open = running.statistics().open;
      void terminal.say([
        paragraph(
          line(
            `${signal}: draining. Not ready from now on; accepting for another ${notice / 1000} s, then up to ${timeout / 1000} s for what is open (${open} now). Once more ends it at once.`,
          ),
        ),
      ]);
      running.drain().then(resolve, reject);
    };
    process.on('SIGTERM', () => stop('SIGTERM'));
    process.on('SIGINT', () => stop('SIGINT'));
  });
}

async function sayStart(
  { settings, inboundPort, outboundPort, readinessPort }: RunningProxy,
  terminal: Terminal,
): Promise<void> {
  const ports =
    inboundPort === outboundPort
      ? `inbound and outbound connections on :${outboundPort}`
      : `outbound connections on :${outboundPort}, inbound ones on :${inboundPort}`;
  const to =
    settings.inboundUpstream === 'loopback' ? 'the same port of the loopback' : 'the address that the client asked for';
  const seen = settings.inboundSource === 'client' ? "the client's own address" : 'the proxy';
  await terminal.say([
    paragraph(line(good('ready'), `  takes ${ports} (${settings.mode})`), 7),
    paragraph(`       inbound goes on to ${to}; the app sees ${seen}`, 7),
    ...(settings.mark > 0
      ? [paragraph(`       its own connections carry mark 0x${settings.mark.toString(16)}`, 7)]
      : []),
    paragraph(
      line(
        faint(
          `       ${readinessPort === undefined ? 'no readiness port' : `readiness on :${readinessPort}/healthz/ready`}; SIGTERM drains`,
        ),
      ),
      7,
    ),
  ]);
}

async function sayEnd({ ended, reset, logLinesDropped }: DrainReport, terminal: Terminal): Promise<void> {
  const lost =
    logLinesDropped > 0
      ? warn(` ${logLinesDropped} lines of the access log were dropped: its reader was too slow.`)
      : '';
  await terminal.say([
    paragraph(line(`stopped: ${ended} connections ended while draining, ${reset} were reset.`, lost)),
  ]);
}
