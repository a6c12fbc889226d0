import type { Family } from '../address/index.ts';
import type { Rule } from '../netfilter/index.ts';
import { parseRule } from '../text/index.ts';
import { commentsOf } from './comments.ts';
import type { NativeTable, Program } from './interception.ts';

/** Begins the comment of a rule that an interception's program wrote: whoever reads it knows whose the rule is. */
const OURS = 'sidestep: ';

/** How many matches leave room for a comment: iptables-restore's parser holds 255 words. */
const MOST_MATCHES = 48;

/**
 * The program with each rule's reason as its comment (`-m comment --comment "sidestep: …"`), for people who read the
 * kernel's rules. A product's own checks do not know such rules again, so nothing is commented unless asked for.
 */
export const commented = (program: Program): Program => ({
  ...program,
  commands: { ipv4: withComments(program, 'ipv4'), ipv6: withComments(program, 'ipv6') },
  ...(program.native ? { native: program.native.map(nativeWithComments) } : {}),
});

/** nft takes 128 bytes with the closing zero. */
const nativeWithComments = (table: NativeTable): NativeTable => ({
  ...table,
  chains: table.chains.map((chain) => ({
    ...chain,
    rules: chain.rules.map((rule) => {
      const text = `${OURS}${rule.reason}`.replaceAll('"', "'").slice(0, 127);
      return { ...rule, words: `${rule.words} comment "${text}"` };
    }),
  })),
});

const withComments = ({ commands }: Program, family: Family): Program['commands'][Family] =>
  commands[family].map((command) => {
    const { rule, table } = command;
    if (rule.reason === undefined || rule.matches.length > MOST_MATCHES || isCommented(rule)) return command;
    const text = `${OURS}${rule.reason}`.replaceAll('"', "'").slice(0, 255);
    const { matches } = parseRule(`-m comment --comment "${text}"`, { family, table });
    return { ...command, rule: { ...rule, matches: [...rule.matches, ...matches] } };
  });

/** Whether a program wrote this rule, by its comment. */
export const isCommented = (rule: Rule): boolean => commentsOf(rule).some((comment) => comment.startsWith(OURS));

/** The rule without the comment that a program gave it. */
export function uncommented(rule: Rule): Rule {
  if (!isCommented(rule)) return rule;
  return { ...rule, matches: rule.matches.filter((match) => !isCommented({ header: {}, matches: [match] })) };
}
