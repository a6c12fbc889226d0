import { quoted, text } from '../codec.ts';
import { type MatchExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS } from '../predicate.ts';

export interface CommentOptions {
  readonly comment?: string;
}

/** `-m comment`: words for people. Source: iptables-extensions(8), comment; XT_MAX_COMMENT_LEN in xt_comment.h, less the closing NUL. */
export const comment: MatchExtension<CommentOptions> = {
  name: 'comment',
  options: { comment: value(['--comment'], text(0, 255)) },
  // Text that holds the end of a comment itself may be anything.
  listed: listed([/\/\* ((?:(?!\*\/).)*) \*\/(?!.*\*\/)/, (text) => `--comment ${quoted(text)}`]),
  required: ['comment'],
  predicate: () => ALWAYS,
};
