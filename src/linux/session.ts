import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { demandBackendTool } from './backend.ts';
import { environment, type Finished } from './command.ts';
import { refusalOf } from './complaint.ts';
import { type KernelFiles, parseFiles } from './kernel-files.ts';
import type { Namespace } from './namespace.ts';
import { ChangeRefused, LockHeld, MissingPackage } from './refusal.ts';
import { PROGRAM, SEPARATOR, WHOLE } from './session-program.ts';
import { type Plan, type Step, stepsOf } from './step.ts';
import { demandTool, findTool, installHint } from './tool.ts';

/** A command that only reads. */
export interface Request {
  /** The command's name, found through PATH, and its words: none has white space. */
  readonly words: readonly string[];
  readonly input?: string;
  /** Run it only if this file can be read and is not empty; else it answers nothing, with status 1. */
  readonly guard?: string;
}

export type Requests<K extends string> = Readonly<Partial<Record<K, Request>>>;

/** How a plan ended. */
export type Outcome =
  | { readonly kind: 'done' }
  /** A step was refused. `stuck`: steps before it that could not be undone, with what was said; else nothing remains. */
  | {
      readonly kind: 'refused';
      readonly step: Step | undefined;
      readonly said: string;
      readonly stuck: readonly { readonly step: Step | undefined; readonly said: string }[];
    };

/** What came back: how the plan ended, if there was one, and the answers by their requests' keys. */
export interface Answers<K extends string> {
  readonly outcome: Outcome;
  readonly files: KernelFiles;
  /** What a failed command said is not kept: whoever wants it asks it again alone. */
  readonly answers: Readonly<Partial<Record<K, Finished>>>;
}

/** A visit to a namespace: something is read, and then perhaps changed on the strength of it, and read again. */
export interface Session<K extends string> {
  readonly first: Answers<K>;
  /** Carries out a plan, all of it or nothing, and answers again. Once; the session ends with it. */
  carryOut(plan: Plan, wait: number, requests: Requests<K>): Promise<Answers<K>>;
  /** Ends it without a plan. */
  close(): void;
}

/** The first descriptor that answers come on. A shell names descriptors with one digit, and 9 is the lock's. */
const FIRST = 3;
const CHANNELS = 6;
/** Words of an ip command reach it through a batch, and those of a request through the shell's splitting. */
const PLAIN_WORD = /^[\w.:/%@+,-]+$/;

/**
 * Goes into a namespace and asks. With `lock`, no other Sidestep changes it until the session has ended; the value is the seconds
 * to wait for that. Throws NoSuchNamespace or NotPermitted when it cannot be entered, LockHeld when it is locked.
 */
export async function openSession<K extends string>(
  namespace: Namespace,
  requests: Requests<K>,
  lock?: number,
): Promise<Session<K>> {
  const user = String(process.getuid?.() ?? 0);
  const words = ['sh', '-c', PROGRAM, user, lock === undefined ? '' : String(lock), ...wordsOf(requests)];
  const [file = '', ...args] = [...namespace.enter, ...words];
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe', ...new Array<'pipe'>(CHANNELS).fill('pipe')],
    env: environment(),
    detached: true,
  });
  child.stdin?.on('error', () => {});
  const channels = channelsOf(child);
  let first: Answers<K>;
  try {
    first = read(await channels.next(Object.keys(requests).length), requests, []);
  } catch (error) {
    child.stdin?.end();
    throw error;
  }
  return {
    first,
    carryOut: async (plan, wait, again) => {
      const steps = Object.entries({ first: plan.first, ...plan.rules, last: plan.last }).flatMap(([lane, some]) =>
        some.map((step) => ({ lane, step })),
      );
      const fields = steps.flatMap(({ lane, step }, number) => [lane, String(number), ...callOf(step, wait)]);
      const words = [...fields, ...wordsOf(again)];
      if (words.some((word) => word.includes(SEPARATOR) || word.includes('\0')))
        throw new ChangeRefused('a rule holds a control character', 'Give its comment without.');
      child.stdin?.end([...words, WHOLE].join(SEPARATOR));
      const then = read(await channels.next(Object.keys(again).length), again, stepsOf(plan));
      return { ...then, files: new Map([...first.files, ...then.files]) };
    },
    close: () => child.stdin?.end(),
  };
}

/** What came on descriptor 1, and the answers in the order of their requests. */
interface Round {
  readonly stdout: string;
  readonly answers: readonly string[];
}

/** Collects what comes on the descriptors. `next` waits for one round: `=end` on the first, and an answer on each asked. */
function channelsOf(child: ChildProcess): { next(asked: number): Promise<Round> } {
  const [stdout = '', stderr = '', ...answers]: string[] = new Array(2 + CHANNELS).fill('');
  const received = [stdout, stderr, ...answers];
  let check = (): void => {};
  /** Why nothing more will come. */
  let ended: (() => Error) | undefined;
  for (const [index, stream] of child.stdio.slice(1).entries()) {
    (stream as NodeJS.ReadableStream).setEncoding('utf8').on('data', (chunk: string) => {
      received[index] += chunk;
      check();
    });
  }
  child.on('error', (error) => {
    // What enters the namespace was looked for before; the shell is looked for where it did not start.
    ended = () =>
      findTool('sh') === undefined ? new MissingPackage('sh is not installed', installHint(['sh'])) : error;
    check();
  });
  child.on('close', () => {
    ended ??= () => refusalOf({ stderr: received[1]!, status: 1 }, { doing: 'running a shell' });
    check();
  });
  return {
    next: (asked) =>
      new Promise((resolve, reject) => {
        check = () => {
          const [text = '', , ...parts] = received;
          const wanted = parts.slice(0, asked);
          if (text.endsWith('=end\n') && wanted.every((part) => /\0\d+\n$/.test(part.slice(-6)))) {
            received.fill('');
            check = () => {};
            resolve({ stdout: text, answers: wanted });
          } else if (text.endsWith('=busy\n')) {
            reject(busy());
          } else if (ended) reject(ended());
        };
        check();
      }),
  };
}

const busy = (): LockHeld =>
  new LockHeld('another Sidestep is changing this network namespace', 'Nothing was changed. Wait for it to finish.');

function read<K extends string>({ stdout, answers }: Round, requests: Requests<K>, steps: readonly Step[]): Answers<K> {
  const finished = (Object.keys(requests) as K[]).map((key, index) => {
    const answer = answers[index]!;
    const end = answer.lastIndexOf('\0');
    return [key, { status: Number(answer.slice(end + 1)), stdout: answer.slice(0, end), stderr: '' }];
  });
  return {
    outcome: outcomeOf(stdout, steps),
    files: parseFiles(stdout),
    answers: Object.fromEntries(finished) as Answers<K>['answers'],
  };
}

/** Reads `=refused NUMBER` and `=stuck NUMBER`, each followed by what the tool said. */
function outcomeOf(stdout: string, steps: readonly Step[]): Outcome {
  const failures = stdout
    .slice(0, stdout.lastIndexOf('=files\n'))
    .split(/^(?==)/m)
    .flatMap((part) => {
      const [, kind, number = ''] = /^=(refused|stuck) (\d+)\n/.exec(part) ?? [];
      const said = part.slice(part.indexOf('\n') + 1).trim();
      return kind === undefined ? [] : [{ kind, step: steps[Number(number)], said }];
    });
  const refused = failures.find(({ kind }) => kind === 'refused');
  if (refused === undefined) return { kind: 'done' };
  return { ...refused, kind: 'refused', stuck: failures.filter(({ kind }) => kind === 'stuck') };
}

const wordsOf = (requests: Requests<string>): readonly string[] =>
  (Object.values(requests) as Request[]).flatMap(({ words, input = '', guard = '' }, index) => {
    demandPlain(words);
    return ['read', String(FIRST + index), words.join(' '), input, guard, '-'];
  });

/** The program, how it is called, what it is given, and what undoes it. */
function callOf(step: Step, wait: number): readonly string[] {
  if (step.kind === 'restore') {
    const { backend, family, script, undo } = step;
    return [demandBackendTool(backend, family, 'restore'), backend === 'nft' ? 'nft' : String(wait), script, undo];
  }
  if (step.kind === 'nft') return [demandTool('nft'), 'tables', step.script, step.undo];
  demandPlain([...step.words, ...step.undo]);
  const line = (words: readonly string[]): string => `${words.join(' ')}\n`;
  return [demandTool('ip'), step.family === 'ipv4' ? '-4' : '-6', line(step.words), line(step.undo)];
}

function demandPlain(words: readonly string[]): void {
  const odd = words.find((word) => !PLAIN_WORD.test(word));
  if (odd !== undefined)
    throw new ChangeRefused(`${JSON.stringify(odd)} is no word for a command`, 'Give a plain name.');
}

/** A command for a request: by the path that was found, for a shell may have an ip of its own. By its name where the path is no plain word. */
export const nameOf = (path: string): string => (PLAIN_WORD.test(path) ? path : basename(path));
