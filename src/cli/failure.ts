import { bad, faint, line, paragraph, type Screen, type Span, typed } from '../explain/index.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';

/** How one kind of error is told: its exit status, and what stands on the screen. */
interface Told {
  readonly status: ExitStatus;
  readonly screen: Screen;
}

/** Says what went wrong on standard error, and returns the exit status for it. */
export async function report(error: unknown, terminal: Terminal): Promise<ExitStatus> {
  const told = tell(error);
  if (told.screen.length > 0) await terminal.say(told.screen, 'error');
  return told.status;
}

// Errors are told apart by name, so that this file loads no layer only to compare classes.
function tell(error: unknown): Told {
  const { name, message, code, hint, exitStatus } = fieldsOf(error);
  if (code?.startsWith('commander.')) return tellCommander(code, message);
  // Errors of the Linux layer carry the status themselves.
  if (exitStatus !== undefined) return { status: exitStatus, screen: said(message, hint) };
  switch (name) {
    case 'UsageError':
    case 'UnreadableInput':
    case 'RequestRefused':
    case 'ProxyConfigRefused':
    case 'PortUnavailable':
      return { status: EXIT.unusable, screen: said(message, hint) };
    case 'InputRefused':
    case 'PacketsRefused':
      // Its message is a list of diagnostics, each with its own place and hint.
      return { status: EXIT.unusable, screen: lines(message) };
    case 'TooComplex':
      return { status: EXIT.unusable, screen: said(message, FEWER) };
    case 'NotHere':
    case 'ProxyNotPermitted':
      return { status: EXIT.notPermitted, screen: said(message, hint) };
  }
  if (code === 'ERR_MODULE_NOT_FOUND' && message.includes("'koffi'")) {
    return {
      status: EXIT.notPermitted,
      screen: said('the package koffi is not installed', 'Install Sidestep with its dependencies: npm ci'),
    };
  }
  return tellDefect(error);
}

const FEWER = "Ask about one family (--family ipv4), or follow single packets: sidestep trace 'in tcp/8888'";

/** commander's own words, with the suggestion on a line of its own. */
function tellCommander(code: string, message: string): Told {
  // `sidestep` alone: commander has printed the help.
  if (code === 'commander.help') return { status: EXIT.unusable, screen: [] };
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n');
  const suggestion = rest.join(' ').replace(/^\((.*)\)$/, '$1') || hintFor(code, first);
  return { status: EXIT.unusable, screen: said(first, suggestion) };
}

/**
 * What is most often meant where commander suggests nothing: a file, of commands that read one and take no arguments; a * that
 * the shell has taken for files, of those that take the flags of an interception.
 */
function hintFor(code: string, said: string): string | undefined {
  if (code === 'commander.missingArgument' && /'after'/.test(said)) return 'For example: sidestep diff before.txt here';
  if (code !== 'commander.excessArguments') return undefined;
  const [, command = ''] = /for '(\w+)'/.exec(said) ?? [];
  const hints = [
    ...(FROM_FILE.has(command) ? ['Rules in a file are read by --from FILE; --help shows what else there is.'] : []),
    ...(INTERCEPTING.has(command)
      ? ["A * needs quotes ('*'): else the shell puts the names of files in its place."]
      : []),
    ...(command === 'diff'
      ? ['Two are compared. The flags of init stand in one word: sidestep diff "init -b \'*\'" here']
      : []),
  ];
  return hints.length > 0 ? hints.join('\n') : undefined;
}

const FROM_FILE: ReadonlySet<string> = new Set(['list', 'snapshot', 'audit', 'verify']);
const INTERCEPTING: ReadonlySet<string> = new Set(['init', 'verify']);

function tellDefect(error: unknown): Told {
  const { name, message, stack } = fieldsOf(error);
  const debugging = process.env.SIDESTEP_LOG?.toLowerCase() === 'debug';
  const how = debugging ? '' : ' Run it again with SIDESTEP_LOG=debug for the details.';
  return {
    status: EXIT.defect,
    screen: [
      ...said(`this is a defect of Sidestep, not of your input: ${name}: ${message}`, `Please report it.${how}`),
      ...(debugging && stack ? lines(stack) : []),
    ],
  };
}

/** `sidestep: what is wrong`, then what would help, indented. */
export function said(message: string, hint: string | undefined): Screen {
  const [first = '', ...rest] = message.split('\n');
  return [
    paragraph(line(bad('sidestep:'), ` ${first}`), 2),
    ...rest.map((text) => paragraph(`  ${text}`, 2)),
    ...(hint ? hint.split('\n').map((text) => paragraph(line('  ', ...withCommand(text)), 2)) : []),
  ];
}

/** A command that ends a hint, after a colon. */
const COMMAND =
  /^(.*: )((?:sudo|unshare|apt-get|dnf|apk|pacman|zypper|ip|ls|iptables-save|sidestep|kubectl) [^;]*?)([.;]?)$/;

/** The words of a hint; what is to be copied of it is not broken into lines. */
function withCommand(hint: string): readonly (Span | string)[] {
  const [, before, command, after] = COMMAND.exec(hint) ?? [];
  return before === undefined || command === undefined ? [hint] : [before, typed(command, 'plain'), after ?? ''];
}

const lines = (text: string): Screen => text.split('\n').map((part) => paragraph(line(faint(''), part)));

function fieldsOf(error: unknown): {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
  readonly exitStatus: ExitStatus | undefined;
} {
  const fields = error as Record<string, unknown> | null;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  // A class that does not set `name` is known by its constructor.
  const name = error instanceof Error ? (error.name === 'Error' ? error.constructor.name : error.name) : typeof error;
  return {
    name,
    message: text(fields?.message) ?? String(error),
    code: text(fields?.code),
    hint: text(fields?.hint),
    stack: text(fields?.stack),
    exitStatus: typeof fields?.exitStatus === 'number' ? (fields.exitStatus as ExitStatus) : undefined,
  };
}
