import type { Rule } from '../netfilter/index.ts';

/** The comments of a rule (`-m comment --comment …`), in order. */
export const commentsOf = (rule: Rule): readonly string[] =>
  rule.matches.flatMap((use) => {
    if (use.kind !== 'known' || use.name !== 'comment') return [];
    const { comment } = use.options as { readonly comment?: string };
    return comment === undefined ? [] : [comment];
  });

/** The comment by which Sidestep knows its own bypass rules again. */
export const BYPASS_COMMENT = 'sidestep bypass';

/** In a rule of the mesh's that `bypass --edit` turned into a RETURN: what it did before. */
const WAS = `${BYPASS_COMMENT}, was `;

/** The comment that keeps a rule's former target, as `-j ISTIO_IN_REDIRECT`. */
export const disarmedComment = (target: string): string => `${WAS}${target}`;

/** The former target of a rule that `bypass --edit` disarmed, in iptables' words. */
export const formerTarget = (rule: Rule): string | undefined =>
  commentsOf(rule)
    .find((comment) => comment.startsWith(WAS))
    ?.slice(WAS.length);

/** Whether a rule is a bypass of Sidestep's: added by it, or of the mesh's and disarmed by it. */
export const isBypass = (rule: Rule): boolean =>
  commentsOf(rule).some((comment) => comment === BYPASS_COMMENT || comment.startsWith(WAS));
