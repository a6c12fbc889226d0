import { isatty } from 'node:tty';
import { Option } from 'commander';
import { line, paragraph, warn } from '../explain/index.ts';
import type { DrainReport, ProxyConfig, RunningProxy } from '../proxy/index.ts';
import { defineCommand } from './command.ts';
import { milliseconds, port, wholeNumber } from './options.ts';
import { openLog } from './proxy-log.ts';
import { drainingScreen, endScreen, hurriedScreen, startScreen, takenOverScreen } from './proxy-screen.ts';
import { EXIT } from './status.ts';
import type { Terminal } from './terminal.ts';
import { NotHere, UsageError } from './usage.ts';

interface ProxyOptions extends Omit<ProxyConfig, 'accessLog' | 'accessLogBuffer' | 'onTrouble' | 'drain'> {
  readonly accessLog: string;
  readonly drainNotice?: number;
  readonly drainTimeout?: number;
}

const decimalMark = wholeNumber('a mark', 0, 0xffff_ffff);
/** Also in hexadecimal, as rules show marks. */
const mark = (word: string): number => decimalMark(/^0x[\da-f]{1,8}$/i.test(word) ? `${Number(word)}` : word);

const portOrNone = (word: string): number | 'none' => (word === 'none' ? word : port(word));

export const proxy = defineCommand<ProxyOptions>({
  examples: [
    ['sidestep proxy', "today's Istio ports: outbound 15001, inbound 15006, readiness 15021"],
    ['sidestep proxy --dialect istio-2018', 'one port, 15001, for both directions'],
    ['sidestep proxy --mark 1337', 'its own traffic is known by mark: where uid 1337 does not exist'],
    ['sudo -u "#1337" sidestep proxy', 'as the user that init leaves alone'],
    ['sidestep proxy --take-over', 'a new version in the place of the one that runs: no connection is refused'],
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
      .optionsGroup('What moves the bytes:')
      .addOption(
        new Option(
          '--engine <name>',
          "epoll: Sidestep's own loops, bulk moved within the kernel; net: Node's sockets (epoll where it works)",
        ).choices(['epoll', 'net']),
      )
      .addOption(
        new Option('--workers <count>', 'threads of the engine epoll (one for each processor)').argParser(
          wholeNumber('a count', 1, 256),
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
      .optionsGroup('Its beginning and its end:')
      .option('--take-over', 'takes the ports of the proxy that runs, which finishes what it has, and ends')
      .addOption(
        new Option('--drain-notice <time>', 'after SIGTERM, until it stops accepting (5s)').argParser(milliseconds),
      )
      .addOption(
        new Option('--drain-timeout <time>', 'then, for open connections to end (20s)').argParser(milliseconds),
      )
      .optionsGroup('What it tells:')
      .addOption(
        new Option('--readiness-port <port>', 'GET /healthz/ready and /healthz/live; none for none (15021)').argParser(
          portOrNone,
        ),
      )
      .addOption(
        new Option('--metrics-port <port>', 'GET /stats/prometheus; none for none (15090)').argParser(portOrNone),
      )
      .addOption(
        new Option(
          '--admin-port <port>',
          'on 127.0.0.1: connections, configuration, log level, drain; none for none (15000)',
        ).argParser(portOrNone),
      )
      .option(
        '--access-log <file>',
        'one line a connection; - is standard output, none none; SIGHUP opens it anew',
        '-',
      )
      .addOption(
        new Option(
          '--access-log-format <format>',
          'json with Envoy’s field names (json), or Istio’s line of text',
        ).choices(['json', 'text']),
      );
  },
  async run({ options, terminal }) {
    if (process.platform !== 'linux') {
      throw new NotHere(
        `the sidecar is Linux's, and this is ${process.platform}`,
        'Netfilter sends it its connections.',
      );
    }
    const { accessLog, drainNotice, drainTimeout, ...config } = options;
    const log = await openLog(accessLog, terminal);
    const running = await start({
      ...config,
      ...(log ? { accessLog: log.stream } : {}),
      onTrouble: seldom((what) => void terminal.say([paragraph(line(warn('trouble:'), ` ${what}`))], 'warn')),
      drain: {
        ...(drainNotice === undefined ? {} : { notice: drainNotice }),
        ...(drainTimeout === undefined ? {} : { timeout: drainTimeout }),
      },
    });
    // Signals are taken before anything is said: who reads "ready" may send one at once.
    const ended = untilStopped(running, terminal, log?.reopen);
    await terminal.say(startScreen(running));
    // A terminal that is stopped (Ctrl-S) must stop nothing else.
    if (isatty(2)) await terminal.neverWait();
    await terminal.say(endScreen(await ended, log?.told ?? false));
    // Lines that their reader does not take must not keep a stopped proxy from ending.
    if (process.stdout.writableLength > 0) process.exit(EXIT.done);
    return EXIT.done;
  },
});

/** Starts the proxy; what it says of its fields is said of flags. */
async function start(config: ProxyConfig): Promise<RunningProxy> {
  const { ProxyConfigRefused, startProxy } = await import('../proxy/index.ts');
  try {
    return await startProxy(config);
  } catch (error) {
    throw error instanceof ProxyConfigRefused ? new UsageError(error.problems.map(inFlags).join('\n')) : error;
  }
}

/** `drain.notice: …` and `inboundSource: …` by the names that were typed: `--drain-notice: …`, `--inbound-source: …`. */
const inFlags = (problem: string): string =>
  problem
    .replace(/^[\w.]+(?=:)|\b[a-z]+[A-Z]\w+/g, (field) => `--${field.replace('.', '-')}`)
    .replace(/(?<=--[a-z]+)[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);

/** Says a thing once in ten seconds, however often it happens. */
function seldom(say: (what: string) => void): (what: string) => void {
  const said = new Map<string, number>();
  return (what) => {
    const now = performance.now();
    if (now - (said.get(what) ?? Number.NEGATIVE_INFINITY) < 10_000) return;
    said.set(what, now);
    say(what);
  };
}

/**
 * The first SIGTERM or SIGINT drains, the second ends at once. SIGHUP is a log's that is rotated; where there is none in a
 * file, the terminal is gone, and the proxy goes as it does on SIGTERM.
 */
function untilStopped(
  running: RunningProxy,
  terminal: Terminal,
  reopen: (() => Promise<void>) | undefined,
): Promise<DrainReport> {
  let asked = false;
  let taken = false;
  const stop = (signal: string): void => {
    if (asked) {
      void running.close();
      return;
    }
    asked = true;
    void terminal.say(taken ? hurriedScreen(signal, running) : drainingScreen(signal, running));
    void running.drain();
  };
  void running.draining.then((successor) => {
    taken = successor !== undefined;
    if (successor !== undefined) void terminal.say(takenOverScreen(successor, running));
    else if (!asked) void terminal.say(drainingScreen('asked at the admin port', running));
  });
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGHUP', () => void (reopen ? reopen() : stop('SIGHUP')));
  return running.ended;
}
