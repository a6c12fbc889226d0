import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { demandBackendTool } from './backend.ts';
import { environment, type Finished } from './command.ts';
import { refusalOf } from './complaint.ts';
import { type KernelFiles, parseFiles, READ_FILES } from './kernel-files.ts';
import type { Namespace } from './namespace.ts';
import { ChangeRefused } from './refusal.ts';
import { type Plan, type Step, stepsOf } from './step.ts';
import { demandTool } from './tool.ts';

/** A command that only reads. */
export interface Request {
  /** The command's name, found through PATH, and its words: none has white space. */
  readonly words: readonly string[];
  readonly input?: string;
  /** Run it only if this file can be read and is not empty; else it answers nothing, with status 1. */
  readonly guard?: string;
}

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

/** What is done in one visit to a namespace: a plan is carried out, then the requests are answered. */
export interface Visit<K extends string> {
  readonly plan?: Plan;
  /** Seconds for which each legacy restore waits for the xtables lock. */
  readonly wait?: number;
  readonly requests: Readonly<Partial<Record<K, Request>>>;
}

export interface Visited<K extends string> {
  readonly outcome: Outcome;
  readonly files: KernelFiles;
  /** By the request's key. What a failed command said is not kept: whoever wants it asks it again alone. */
  readonly answers: Readonly<Partial<Record<K, Finished>>>;
}

/**
 * One shell carries out the plan, all of it or nothing, and then reads: a process costs a millisecond and Node's way of starting
 * one three, so everything is started from here, side by side.
 *
 * Its text is constant. What it does comes as arguments, six a step: its lane, its number, the program, how that is called, what
 * it is given, and what undoes that. They arrive with the program, so it needs Node no more once it runs: it ends its work even when
 * Node is killed, and no signal of a terminal reaches it. Both families run side by side; one that fails undoes its own steps,
 * then the other's are undone. The legacy tools lock a file under /run; where this user cannot write that, one of the user's own
 * serves: the program's name is the user's number. A request is six arguments too: the lane \`read\`, the descriptor it answers on, its words, its
 * input, its guard, and nothing.
 */
const PROGRAM = `
trap '' HUP INT QUIT TERM PIPE TSTP
set -f
act() {
  case $2 in
    -4|-6) said=$(printf %s "$3" | "$1" "$2" -batch - 2>&1 >/dev/null) ;;
    nft) said=$(printf %s "$3" | "$1" --noflush 2>&1 >/dev/null) ;;
    *) said=$(printf %s "$3" | "$1" --noflush --wait="$2" 2>&1 >/dev/null) ;;
  esac
}
walk() {
  local lane="$1"
  shift
  while [ $# -gt 0 ] && [ "$1" != "$lane" ]; do shift 6; done
  [ $# -gt 0 ] || return 0
  if ! act "$3" "$4" "$5"; then
    printf '=refused %s\\n%s\\n' "$2" "$said"
    return 1
  fi
  local number="$2" program="$3" how="$4" undo="$6"
  shift 6
  walk "$lane" "$@" && return 0
  act "$program" "$how" "$undo" || printf '=stuck %s\\n%s\\n' "$number" "$said"
  return 1
}
back() {
  local lane="$1"
  shift
  while [ $# -gt 0 ] && [ "$1" != "$lane" ]; do shift 6; done
  [ $# -gt 0 ] || return 0
  local number="$2" program="$3" how="$4" undo="$6"
  shift 6
  back "$lane" "$@"
  act "$program" "$how" "$undo" || printf '=stuck %s\\n%s\\n' "$number" "$said"
}
usable() { [ -w "$1" ] || { ! [ -e "$1" ] && [ -w "\${1%/*}" ]; }; }
lock() {
  if [ -n "$XTABLES_LOCKFILE" ] || usable /run/xtables.lock; then return; fi
  for folder in "$XDG_RUNTIME_DIR" "$TMPDIR" /tmp /dev/shm; do
    if [ -n "$folder" ] && usable "$folder/xtables-$0.lock"; then
      export XTABLES_LOCKFILE="$folder/xtables-$0.lock"
      return
    fi
  done
}
change() {
  walk first "$@" || return 1
  walk ipv4 "$@" & one=$!
  walk ipv6 "$@" & other=$!
  wait $one; one=$?
  wait $other; other=$?
  if [ $one = 0 ] && [ $other = 0 ]; then
    walk last "$@" && return 0
  fi
  [ $one = 0 ] && back ipv4 "$@"
  [ $other = 0 ] && back ipv6 "$@"
  back first "$@"
}
answer() {
  if [ -n "$3" ]; then { read -r line < "$3"; } 2>/dev/null || exit 1; fi
  if [ -n "$2" ]; then printf %s "$2" | $1; else exec $1; fi
}
case $1 in read) ;; *) lock; change "$@" ;; esac
jobs=''
while [ $# -gt 0 ]; do
  if [ "$1" = read ]; then
    answer "$3" "$4" "$5" >&$2 2>/dev/null &
    jobs="$jobs $!"
  fi
  shift 6
done
${READ_FILES}
printf '=end '
for job in $jobs; do wait $job; printf '%s ' $?; done`;

/** The first descriptor that answers come on; a shell names descriptors with one digit, so there are seven. */
const FIRST = 3;
/** Words of an ip command reach it through a batch, and those of a request through the shell's splitting. */
const PLAIN_WORD = /^[\w.:/%@+,-]+$/;

/** Goes into a namespace. Throws NoSuchNamespace or NotPermitted when it cannot be entered. */
export async function visit<K extends string>(
  namespace: Namespace,
  { plan, wait, requests }: Visit<K>,
): Promise<Visited<K>> {
  const lanes = plan ? { first: plan.first, ipv4: plan.rules.ipv4, ipv6: plan.rules.ipv6, last: plan.last } : {};
  const numbered = Object.entries(lanes).flatMap(([lane, steps]) => steps.map((step) => ({ lane, step })));
  const asked = Object.entries(requests) as [K, Request][];
  const words = [
    ...numbered.flatMap(({ lane, step }, number) => [lane, String(number), ...callOf(step, wait ?? 0)]),
    ...asked.flatMap(([, request], index) => ['read', String(FIRST + index), ...requestOf(request)]),
  ];
  const [stdout = '', stderr = '', ...answers] = await runShell(
    [...namespace.enter, 'sh', '-c', PROGRAM, String(process.getuid?.() ?? 0), ...words],
    asked.length,
  );
  const end = stdout.lastIndexOf('=end ');
  if (end < 0) throw refusalOf({ stderr, status: 1 }, { doing: 'running a shell' });
  const statuses = stdout
    .slice(end + 5)
    .trim()
    .split(' ')
    .map(Number);
  return {
    outcome: outcomeOf(stdout, plan ? stepsOf(plan) : []),
    files: parseFiles(stdout),
    answers: Object.fromEntries(
      asked.map(([key], index) => [key, { status: statuses[index], stdout: answers[index], stderr: '' }]),
    ) as Visited<K>['answers'],
  };
}

/** Runs it in a session of its own; returns what came on descriptor 1, 2 and the answers'. */
function runShell(argv: readonly string[], answers: number): Promise<string[]> {
  const [file = '', ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...new Array<'pipe'>(answers).fill('pipe')],
      env: environment(),
      detached: true,
    });
    const parts = child.stdio.slice(1).map((stream) => {
      const chunks: Buffer[] = [];
      stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
      return chunks;
    });
    child.on('error', (error) => resolve(['', String(error)]));
    child.on('close', () => resolve(parts.map((chunks) => Buffer.concat(chunks).toString())));
  });
}

const requestOf = ({ words, input = '', guard = '' }: Request): readonly string[] => {
  demandPlain(words);
  return [words.join(' '), input, guard, ''];
};

/** The program, how it is called, what it is given, and what undoes it. */
function callOf(step: Step, wait: number): readonly string[] {
  if (step.kind === 'restore') {
    const { backend, family, script, undo } = step;
    return [demandBackendTool(backend, family, 'restore'), backend === 'nft' ? 'nft' : String(wait), script, undo];
  }
  demandPlain([...step.words, ...step.undo]);
  const line = (words: readonly string[]): string => `${words.join(' ')}\n`;
  return [demandTool('ip'), step.family === 'ipv4' ? '-4' : '-6', line(step.words), line(step.undo)];
}

function demandPlain(words: readonly string[]): void {
  const odd = words.find((word) => !PLAIN_WORD.test(word));
  if (odd !== undefined)
    throw new ChangeRefused(`${JSON.stringify(odd)} is no word for a command`, 'Give a plain name.');
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

/** A command's name for a request: the path that was found, as PATH finds it. */
export const nameOf = (path: string): string => basename(path);
