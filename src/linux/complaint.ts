import { escapeControl } from '../text/index.ts';
import { hasCapability } from './capability.ts';
import type { Finished } from './command.ts';
import {
  type Capability,
  ChangeRefused,
  LockHeld,
  MissingKernelFeature,
  NoSuchNamespace,
  NotPermitted,
} from './refusal.ts';

/** What was tried, for the message. */
export interface Attempt {
  /** A clause that "needs CAP_NET_ADMIN" can follow: `reading the IPv4 rules`. */
  readonly doing: string;
  /** What the kernel asks for; CAP_NET_ADMIN where nothing else is said. */
  readonly capability?: Capability;
  /** The text that iptables-restore was given, so that the line it complains of can be quoted. */
  readonly script?: string;
}

type Refused = (said: string, attempt: Attempt, part: string) => Error;

/**
 * What the tools say when they fail, and what it means. Matched in this order against standard error; the first group of a
 * pattern is handed on.
 */
const COMPLAINTS: readonly (readonly [RegExp, Refused])[] = [
  [
    /nsenter: .*(?:No such file|No such process)/,
    () => new NoSuchNamespace('the namespace is gone', 'Its last process has ended, or its name was deleted.'),
  ],
  [
    /nsenter: .*Invalid argument/,
    () =>
      new NoSuchNamespace('that is not a network namespace', 'Give a file that ip netns or /proc/PID/ns/net names.'),
  ],
  [/nsenter: /, (_, { doing }) => new NotPermitted(`entering the namespace for ${doing}`, 'CAP_SYS_ADMIN')],
  [
    /holding the xtables lock/,
    (said) =>
      new LockHeld(
        `another program holds the xtables lock: ${said}`,
        'Nothing was changed. Wait for it to finish (`fuser -v /run/xtables.lock` names it), or wait longer.',
      ),
  ],
  [
    /can't open lock file ([^:]*)/,
    (said) => new ChangeRefused(said, 'Set XTABLES_LOCKFILE to a file that this user may write.'),
  ],
  [
    /Permission denied|Operation not permitted|you must be root/,
    (_, { doing, capability = 'CAP_NET_ADMIN' }) => new NotPermitted(doing, capability),
  ],
  [
    /IPv6 is disabled on nexthop device/,
    (said, { doing }) =>
      new ChangeRefused(
        `${doing} failed: ${said}`,
        'Switch IPv6 on for loopback (sudo sysctl -w net.ipv6.conf.lo.disable_ipv6=0), or leave IPv6 out. What was done before it has been undone.',
      ),
  ],
  [
    /Nexthop device is not up|Network is down/,
    (said, { doing }) =>
      new ChangeRefused(`${doing} failed: ${said}`, 'Bring its interface up first: ip link set lo up'),
  ],
  [
    /(?:unable to|can't) initialize (?:ip6?tables )?table [`']([a-z]+)'/,
    (said, { doing }, table) =>
      hasCapability('CAP_NET_ADMIN')
        ? new MissingKernelFeature(said, `Load the table's module: sudo modprobe iptable_${table} ip6table_${table}`)
        : new NotPermitted(doing, 'CAP_NET_ADMIN'),
  ],
  [
    /Extension (\w+) revision \d+ not supported, missing kernel module/,
    (said, _, name) => new MissingKernelFeature(said, `Load its module: sudo modprobe xt_${name}`),
  ],
  [
    /Could not fetch rule set generation id|Failed to initialize nft/,
    (said) =>
      new MissingKernelFeature(
        said,
        'This kernel has no nf_tables, or has not loaded it: sudo modprobe nf_tables nft_compat. SIDESTEP_BACKEND=legacy does without.',
      ),
  ],
  [
    /(?:TABLE|CHAIN)_ADD failed/,
    (said) =>
      new MissingKernelFeature(said, 'Load what nft tables of iptables need: sudo modprobe nft_chain_nat nft_compat'),
  ],
  [
    /RULE_\w+ failed \((?:No such file or directory|Operation not supported)\)/,
    (said) => new MissingKernelFeature(said, "Load the module of the rule's match or target: sudo modprobe xt_NAME"),
  ],
  [
    /Couldn't load (?:match|target) [`'](\w+)'/,
    (said) =>
      new ChangeRefused(said, 'The installed iptables does not have it; a newer package may, or one with its plugins.'),
  ],
];

/** What a failed command means, as an error with a way out. */
export function refusalOf({ stderr, status }: Pick<Finished, 'stderr' | 'status'>, attempt: Attempt): Error {
  const said = quote(stderr, attempt.script) || `${attempt.doing} failed with status ${status}`;
  for (const [pattern, refused] of COMPLAINTS) {
    const match = pattern.exec(stderr);
    if (match) return refused(said, attempt, match[1] ?? '');
  }
  return new ChangeRefused(`${attempt.doing} failed: ${said}`, hintFor(stderr, attempt.script));
}

const RULE_FAILED = /^line \d+: RULE_\w+ failed/;

/** The tool's own words on one line, without its invitations to read the manual, and the line that it means. */
function quote(stderr: string, script: string | undefined): string {
  const all = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(?:Try `|# Warning: ip6?tables-legacy tables present)/.test(line));
  // The nft back end complains of each rule of a transaction that the kernel refused.
  const repeated = all.filter((line) => RULE_FAILED.test(line)).slice(1);
  const more = repeated.length === 0 ? '' : ` (and ${repeated.length} more like it)`;
  const words = all.filter((line) => !repeated.includes(line)).join(' ') + more;
  const lines = linesMeant(stderr, script);
  return escapeControl(
    lines.length === 0 ? words : `${words}: ${lines.slice(0, 3).join(', or ')}${lines.length > 3 ? ', or …' : ''}`,
  );
}

/** The line of the script that the tool complains of; of COMMIT, as legacy does when the kernel refuses a rule, any it adds. */
function linesMeant(stderr: string, script: string | undefined): readonly string[] {
  const lines = script?.split('\n') ?? [];
  const line = lines[Number(/line:? (\d+)/.exec(stderr)?.[1] ?? 0) - 1];
  if (line === 'COMMIT') return lines.filter((other) => /^-[AI]/.test(other));
  return line === undefined ? [] : [line];
}

function hintFor(stderr: string, script: string | undefined): string {
  if (linesMeant(stderr, script).some((line) => /[ug]id-owner/.test(line)))
    return 'An owner must exist in the user namespace that owns the network namespace: one made by an ordinary user knows uid 0 only. There the proxy can be told by a packet mark: init --proxy-mark 1337, proxy --mark 1337.';
  return 'The kernel takes no such rule. What was done before it has been undone.';
}
