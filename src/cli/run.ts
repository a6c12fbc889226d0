import { isIP } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import type { NameServer, PublishedPort, Ready } from '../run/index.ts';
import { defineCommand } from './command.ts';
import { said } from './failure.ts';
import { port } from './options.ts';
import { openLog } from './proxy-log.ts';
import { astrayScreen, callScreen, nameScreen, readyScreen, troubleScreen } from './run-screen.ts';
import type { Terminal } from './terminal.ts';
import { NotHere, UsageError } from './usage.ts';

interface RunCommandOptions {
  readonly port?: readonly PublishedPort[];
  readonly dns?: readonly NameServer[];
  readonly engine?: 'epoll' | 'net';
  readonly log?: true;
  readonly accessLog?: string;
}

/** Flags that take the word after them. */
const WITH_VALUE = ['-p', '--port', '--access-log', '--dns', '--engine'];

/** `sidestep run`: its exit status is the app's. */
export const run = defineCommand<RunCommandOptions>({
  examples: [
    ['sidestep run --port 8080 -- node app.js', 'the app behind a sidecar; its port is this host’s 127.0.0.1:8080'],
    ['sidestep run -p 9000:8080 -p 0.0.0.0:8443 --log -- ./server', 'other ports and addresses; who calls whom'],
    [
      'sidestep run -- curl http://host.sidestep.internal:5432/',
      'what listens on this host’s loopback, as the app names it',
    ],
    ['sidestep run --port 8080 -- sh', 'a shell in there: ip address, curl, whatever is to be looked at'],
  ],
  prepare: commandApart,
  declare(command) {
    command
      .argument('<command...>', 'what to run, after --: the program and its arguments')
      .description(
        'TCP and questions for names (DNS) go out through the sidecar, to wherever this host may go; other UDP and ping find no way. Rules, listening sockets and processes in there end with the app. This host’s own 127.0.0.1 is host.sidestep.internal there. The exit status is the app’s: 128 and the signal’s number where one ended it, 127 where there is no such command. Signals sent to sidestep run go on to the app, but for SIGINT and SIGQUIT in its terminal’s foreground: there Ctrl-C and Ctrl-\\ reach the app by themselves. For nohup, say it of the app too: nohup sidestep run -- nohup …',
      )
      .addOption(
        new Option(
          '-p, --port <port>',
          'a port of the app that is reached on this host: PORT, PORT:APP-PORT, ADDRESS:PORT:APP-PORT (127.0.0.1 and ::1); may be repeated',
        ).argParser((word: string, before: readonly PublishedPort[] = []) => [...before, publishedPort(word)]),
      )
      .option('--log', 'each connection on standard error: who called whom, by name where DNS told one')
      .option('--access-log <file>', 'one JSON line a connection, as that of sidestep proxy')
      .addOption(
        new Option('--dns <server>', "a name server to ask instead of this host's; may be repeated").argParser(
          (word: string, before: readonly NameServer[] = []) => [...before, nameServer(word)],
        ),
      )
      .addOption(
        new Option('--engine <name>', 'what moves the bytes (epoll where it works)').choices(['epoll', 'net']),
      );
  },
  async run({ args, options, terminal, program }) {
    if (process.platform !== 'linux')
      throw new NotHere('an app in a network namespace of its own needs Linux', `This is ${process.platform}.`);
    const ports = options.port ?? [];
    demandApart(ports);
    const ready = await prepared(args, options, terminal);
    if ('status' in ready) return ready.status;
    try {
      process.stderr.on('error', () => {});
      await terminal.say(readyScreen(ready, ports, program));
      // Node.js makes a pipe non-blocking when it opens it, and the app's is the same one: as a child starts, it blocks again. Names,
      // signals and the end must not wait with it for a reader.
      await terminal.neverWait();
      const app = await ready.start();
      return await app.ended;
    } finally {
      await ready.close();
    }
  },
});

/** Makes everything ready for the app; a command that cannot be run has the status that a shell gives for it. */
async function prepared(
  command: readonly string[],
  { port: ports = [], dns, engine, log, accessLog = 'none' }: RunCommandOptions,
  terminal: Terminal,
): Promise<Ready | { readonly status: number }> {
  const { NoSuchCommand, inheritedHere, prepareRun } = await import('../run/index.ts');
  const inherited = inheritedHere();
  if (accessLog === '-')
    throw new UsageError('--access-log: standard output is the app’s', 'Name a file, or /dev/stderr.');
  const records = await openLog(accessLog, terminal);
  try {
    return await prepareRun(command, {
      ports,
      engine,
      nameServers: dns,
      inherited,
      accessLog: records?.stream,
      onTrouble: (what) => void terminal.say(troubleScreen(what), 'warn'),
      ...(log
        ? {
            log: {
              called: (call) => void terminal.say(callScreen(call)),
              named: (answer) => void terminal.say(nameScreen(answer)),
              astray: (packets) => void terminal.say(astrayScreen(packets)),
            },
          }
        : {}),
    });
  } catch (error) {
    if (!(error instanceof NoSuchCommand)) throw error;
    await terminal.say(said(error.message, error.hint), 'error');
    return { status: error.status };
  }
}

/** The app's own flags are not this command's, also where no `--` stands between them. */
function commandApart(argv: readonly string[]): readonly string[] {
  for (let at = 1; at < argv.length; at += 1) {
    const word = argv[at]!;
    if (word === '--') return argv;
    if (WITH_VALUE.includes(word)) at += 1;
    else if (!word.startsWith('-')) return [...argv.slice(0, at), '--', ...argv.slice(at)];
  }
  return argv;
}

function publishedPort(word: string): PublishedPort {
  const [, bracketed, dotted, first = '', second = first] =
    /^(?:\[([\da-f:.]+)\]:|(\d+\.[\d.]+):)?(\d+)(?::(\d+))?$/i.exec(word) ?? [];
  const address = bracketed ?? dotted;
  if (first === '' || (address !== undefined && isIP(address) === 0))
    throw new InvalidArgumentError('Expected: 8080, 9000:8080, 0.0.0.0:9000:8080 or [::1]:9000:8080.');
  return { address, port: port(first), appPort: port(second) };
}

function nameServer(word: string): NameServer {
  const [, bracketed, plain = word, wanted] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d+))?$/.exec(word) ?? [];
  const address = bracketed ?? plain;
  if (isIP(address) === 0)
    throw new InvalidArgumentError('An address expected, maybe with a port: 192.0.2.53, 127.0.0.1:5353, [::1]:5353.');
  return { address, port: wanted === undefined ? 53 : port(wanted) };
}

/** A place of this host cannot lead to two ports of the app's. */
function demandApart(ports: readonly PublishedPort[]): void {
  for (const [at, one] of ports.entries()) {
    const other = ports.slice(0, at).find((before) => before.port === one.port && meet(before.address, one.address));
    if (!other) continue;
    const [first, second] = [placeOf(other), placeOf(one)];
    throw new UsageError(
      first === second ? `--port: ${first} is given twice` : `--port: ${first} and ${second} are the same place`,
      'Each port of this host leads to one of the app’s; without an address it is that of 127.0.0.1 and ::1.',
    );
  }
}

const placeOf = ({ address, port: number }: PublishedPort): string =>
  address === undefined ? `${number}` : `${address.includes(':') ? `[${address}]` : address}:${number}`;

/** Whether two addresses have one in common; :: takes IPv4 as well. */
function meet(one: string | undefined, other: string | undefined): boolean {
  const covers = (wide: string, address: string): boolean =>
    wide === address || wide === '::' || (wide === '0.0.0.0' && !address.includes(':'));
  const addresses = (address: string | undefined): readonly string[] => (address ? [address] : ['127.0.0.1', '::1']);
  return addresses(one).some((a) => addresses(other).some((b) => covers(a, b) || covers(b, a)));
}
