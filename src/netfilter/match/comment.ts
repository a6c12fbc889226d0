import { text } from '../codec.ts';
import { type MatchExtension, value } from '../extension.ts';
import { ALWAYS } from '../predicate.ts';

export interface CommentOptions {
  readonly comment?: string;
}

/** `-m comment`: words for people. Source: iptables-extensions(8), comment; XT_MAX_COMMENT_LEN in xt_comment.h, less the closing NUL. */
export const comment: MatchExtension<CommentOptions> = {
  name: 'comment',
  options: { comment: value(['--comment'], text(0, 255)) },
  required: ['comment'],
  predicate: () => ALWAYS,
};
