import { parseNumber } from '../codec.ts';
import { type Codec, flag, type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { all, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';
import { tracked } from './conntrack.ts';

/** A number, or a name of the file connlabel.conf on the machine that holds the rules. */
export interface ConnlabelOptions {
  readonly label?: Negatable<number | string>;
  /** Sets the label where it is not set. */
  readonly set?: true;
}

/** Source: XT_CONNLABEL_MAXBIT in xt_connlabel.h. */
const HIGHEST = 127;

const label: Codec<number | string> = {
  expected: `a label from 0 to ${HIGHEST}, or its name`,
  read: (word) => parseNumber(word, HIGHEST) ?? (/^[A-Za-z][\w.-]*$/.test(word) ? word : undefined),
  print: (of) => `"${of}"`,
};

/** `-m connlabel`. Source: iptables-extensions(8), connlabel; net/netfilter/xt_connlabel.c. */
export const connlabel: MatchExtension<ConnlabelOptions> = {
  name: 'connlabel',
  options: { label: negatable(['--label'], label), set: flag('--set') },
  listed: listed([/connlabel (! )?(?:'([^'\s]+)'|(\d+))/, '$1 --label $2$3'], [/set/, '--set']),
  required: ['label'],
  predicate: ({ label: of }) =>
    unless(of?.negated ?? false, all(tracked, unknown('the labels of the connection are not known'))),
};
