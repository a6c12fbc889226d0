import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BLANK,
  count,
  duration,
  liveDocument,
  paragraph,
  passedScreen,
  passedSummary,
  type WalkOptions,
  withReasons,
} from '../explain/index.ts';
import { proxyPortsOf } from '../interception/index.ts';
import type { PacketAccounts, PacketWatch } from '../linux/index.ts';
import type { KernelAccount, PacketFilter, Snapshot } from '../netfilter/index.ts';
import { EVERY_PACKET, type Passed, parseFilter, prepareBeside, QuestionRefused } from '../trace/index.ts';
import { BOUNDS, type LiveOptions } from './live-options.ts';
import type { SourceOptions } from './options.ts';
import { loadLinux, readSource, selector } from './source.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';
import { PacketsRefused, UsageError } from './usage.ts';

interface Options extends SourceOptions, LiveOptions {
  readonly output: string;
  readonly all?: boolean;
  readonly brief?: boolean;
  readonly connection?: boolean;
}

/** Packets a second, of each filter: the kernel traces no more. */
const RATE = 100;
/** Milliseconds: how often packets are told, and how long those on their way are waited for at the end. */
const TICK = 100;
const LAST_WORDS = 500;

/** Follows real packets as they pass, until there are enough, the time is over, or somebody ends it. */
export async function traceLive(args: readonly string[], options: Options, terminal: Terminal): Promise<ExitStatus> {
  const filters = filtersIn(args, options);
  const linux = await loadLinux();
  const namespace = linux.openNamespace(selector(options));
  const held = withReasons(linux.withoutWatchers(await linux.readSnapshot(namespace, { needRules: true })));
  const simulated =
    options.from === undefined ? held : withReasons({ ...held, ...(await rulesFrom(options, terminal)) });
  const follow = prepareBeside({ simulated, held, proxyPorts: proxyPortsOf(simulated) });
  // Its owner's process, for whoever finds it, and something that no other process has.
  const table = `${linux.WATCH_TABLE}${process.pid}-${randomBytes(3).toString('hex')}`;
  const names = new Map(held.interfaces?.map(({ index, name }) => [index, name]));
  const accounts = new linux.PacketAccounts({
    table,
    nameOf: (index) => names.get(index),
    idle: linux.idleIn(held),
    titleOf: linux.titlesIn(held),
    tellsConnections: linux.tellsConnections(),
  });
  const watch = await linux.watchPackets(namespace, { table, filters, rate: RATE });
  const most = options.count ?? BOUNDS.count;
  const begin = begun(namespace.title, { table, owned: watch.owned, most, options });
  await terminal.say([paragraph(begin, 2)]);
  if (holdsLegacy(held)) await terminal.say([paragraph(LEGACY, 2)], 'warn');
  const passed: Passed[] = [];
  const how = await untilOver(watch, { accounts, most, seconds: options.for ?? BOUNDS.seconds }, async (account) => {
    const one = follow(account);
    passed.push(one);
    await tell(one, options, terminal);
    return !terminal.closed;
  });
  if (how.lost) await terminal.say([paragraph(LOST, 2)], 'warn');
  if (how.broken !== undefined)
    await terminal.say(
      [paragraph(`sidestep: watching ended by itself: ${how.broken || 'without a word'}`, 2)],
      'error',
    );
  await terminal.say([paragraph(`sidestep: ${passedSummary(passed)}`, 2)]);
  const differs = passed.some(({ simulated }) => simulated.kind === 'differs');
  return differs || how.broken !== undefined ? EXIT.finding : EXIT.done;
}

/** What watching came to: messages that were lost, and what was complained of where it ended by itself. */
interface Ended {
  readonly lost: boolean;
  readonly broken?: string;
}

/** Hands packets on until there are enough, the time is over, a signal comes, or nobody wants more; then the table goes. */
async function untilOver(
  watch: PacketWatch,
  { accounts, most, seconds }: { readonly accounts: PacketAccounts; readonly most: number; readonly seconds: number },
  take: (account: KernelAccount) => Promise<boolean>,
): Promise<Ended> {
  const ending = endOf(seconds);
  let lost = false;
  let broken: string | undefined;
  let closing = false;
  void watch.ended.then((said) => {
    if (!closing) broken = said;
    accounts.forget();
    ending.end();
  });
  watch.listen((message) => {
    if (message) return accounts.take(message, Date.now());
    lost = true;
    accounts.forget();
  });
  try {
    let wanted = most;
    for (let over = false; wanted > 0 && !over; ) {
      over = await ending.within(TICK);
      // Packets that are on their way get to their end.
      if (over && broken === undefined) await sleep(LAST_WORDS);
      for (const account of accounts.done(Date.now()).slice(0, wanted)) {
        wanted = (await take(account)) ? wanted - 1 : 0;
        if (wanted === 0) break;
      }
    }
  } finally {
    closing = true;
    ending.close();
    await watch.close();
  }
  return broken === undefined ? { lost } : { lost, broken };
}

const LOST = 'sidestep: the kernel told more than was read in time; some packets are missing.';

const LEGACY =
  'sidestep: the legacy back end holds rules, and the kernel tells nothing of them: what is said of their steps is not confirmed.';

async function tell(passed: Passed, options: Options, terminal: Terminal): Promise<void> {
  if (options.output === 'json') return terminal.json(liveDocument(passed), 'stream');
  const show: WalkOptions['show'] = options.all ? 'all' : options.brief ? 'matched' : 'fold';
  await terminal.show([...passedScreen(passed, { show }), BLANK]);
}

/** What is done, and how it ends. */
function begun(
  where: string,
  {
    table,
    owned,
    most,
    options,
  }: { readonly table: string; readonly owned: boolean; readonly most: number; readonly options: Options },
): string {
  const time = duration(options.for ?? BOUNDS.seconds);
  const gone = owned ? 'which goes with it, however it ends' : 'which it takes away when it ends';
  return `sidestep: watching ${where} with a table of its own (inet ${table}), ${gone}. It ends after ${count(most, 'packet')} or ${time}, or with Ctrl-C. No more than ${RATE} packets a second are traced.`;
}

/** Which packets are meant, read before anything is done. */
function filtersIn(args: readonly string[], options: Options): readonly PacketFilter[] {
  if (options.connection)
    throw new UsageError('--live and --connection exclude each other', 'Packets pass one by one.');
  if (options.output === 'dot') throw new UsageError('-o dot draws one packet', 'Leave --live out, or take -o json.');
  if (args.includes('-')) throw new UsageError('--live reads no packets from standard input', 'Say which: in tcp/8888');
  const refused: string[] = [];
  const filters = args.flatMap((text) => {
    try {
      return [parseFilter(text)];
    } catch (error) {
      if (!(error instanceof QuestionRefused)) throw error;
      refused.push(error.message);
      return [];
    }
  });
  if (refused.length > 0) throw new PacketsRefused(refused.join('\n'));
  const { family } = options;
  const all = args.length === 0 ? EVERY_PACKET : filters;
  return family ? all.map(({ direction, fields }) => ({ direction, fields: { family, ...fields } })) : all;
}

/** The rules of a file, beside what the namespace is now. */
async function rulesFrom(options: Options, terminal: Terminal): Promise<Snapshot> {
  const { from, family, keepGoing, table } = options;
  return readSource(
    {
      ...(from ? { from } : {}),
      ...(family ? { family } : {}),
      ...(keepGoing ? { keepGoing } : {}),
      ...(table ? { table } : {}),
    },
    terminal,
  );
}

/** The legacy back end does something. */
const holdsLegacy = ({ held }: Snapshot): boolean =>
  held.some(
    ({ backend, rules }) =>
      backend === 'legacy' && rules.tables.some(({ chains }) => chains.some((chain) => chain.rules.length > 0)),
  );

/** Ends after so many seconds, or with a signal. */
function endOf(seconds: number): {
  end(): void;
  /** Waits so many milliseconds; true at once when it is over. */
  within(milliseconds: number): Promise<boolean>;
  close(): void;
} {
  let over = false;
  let wake: (() => void) | undefined;
  const end = (): void => {
    over = true;
    wake?.();
  };
  const timer = setTimeout(end, seconds * 1000);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  return {
    end,
    async within(milliseconds) {
      if (over) return true;
      await new Promise<void>((resolve) => {
        const tick = setTimeout(resolve, milliseconds);
        wake = () => {
          clearTimeout(tick);
          resolve();
        };
      });
      return over;
    },
    close() {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, end);
    },
  };
}
