import { quoted, text } from '../codec.ts';
import { type MatchExtension, value } from '../extension.ts';
import { listedText } from '../listed.ts';
import { ALWAYS } from '../predicate.ts';

export interface CommentOptions {
  readonly comment?: string;
}

/** Source: XT_MAX_COMMENT_LEN in xt_comment.h, less the closing NUL. */
const LONGEST = 255;

/** `-m comment`: words for people. Source: iptables-extensions(8), comment. */
export const comment: MatchExtension<CommentOptions> = {
  name: 'comment',
  options: { comment: value(['--comment'], text(0, LONGEST)) },
  listed: listedText(/\/\* /, / \*\//, LONGEST, (words) => `--comment ${quoted(words)}`),
  required: ['comment'],
  predicate: () => ALWAYS,
};
