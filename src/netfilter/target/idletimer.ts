import { integer, plainName } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface IdletimerOptions {
  /** Seconds without a packet until the timer is told of. */
  readonly timeout?: number;
  readonly label?: string;
  /** The timer wakes the machine. */
  readonly alarm?: true;
}

/** The kernel counts in milliseconds of 31 bits. */
const LONGEST = 2_147_482;

/** Names that the timers' folder in sysfs has already. */
const TAKEN: readonly string[] = ['power', 'subsystem', 'uevent'];

/** `-j IDLETIMER`: starts a timer anew. Source: iptables-extensions(8), IDLETIMER; net/netfilter/xt_IDLETIMER.c. */
export const idletimer: TargetExtension<IdletimerOptions> = {
  name: 'IDLETIMER',
  options: {
    timeout: value(['--timeout'], integer('a number of seconds', 1, LONGEST)),
    label: value(['--label'], plainName('a label', 27)),
    alarm: flag('--alarm'),
  },
  listed: listed([/timeout:(\d+) label:(\S+)/, '--timeout $1 --label $2'], [/alarm/, '--alarm']),
  required: ['timeout', 'label'],
  refuse: ({ label = '' }) =>
    TAKEN.includes(label) || label.includes('/') ? 'a timer’s label is the name of a file in sysfs' : undefined,
  effect: () => CONTINUE,
};
