import type { BypassPlan, Notice } from '../interception/index.ts';
import type { Backend, Snapshot } from '../netfilter/index.ts';
import { changesTable, ruleChanges } from './change.ts';
import { type Next, nextBlock } from './next.ts';
import { asideBlocks, coverBlocks, endBlocks, isAsAsked, type Told, toldBlocks } from './plan.ts';
import { faint, good, line, paragraph, type Screen, strong } from './screen.ts';
import { type Sent, sentBlocks } from './sent-screen.ts';

/** A change that was made, or would be. */
export interface ChangeShown {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly backend: Backend;
  readonly changed: boolean;
  readonly dryRun: boolean;
  /** In ip's words. */
  readonly routing: readonly string[];
  /** Why there was nothing to do. */
  readonly nothing: string;
  /** What the rules are now, in a few words: "istio -i '*' -b '*'". */
  readonly title?: string;
  /** Of a bypass: what it does to packets. */
  readonly told?: Told;
  /** A bypass that is applied: why some ports need no rule, and when it ends. */
  readonly plan?: BypassPlan;
  /** What a bypass, or taking it back, does not cover. */
  readonly notCovered?: readonly Notice[];
  /** Of a bypass: packets that were sent through the kernel. */
  readonly sent?: Sent | undefined;
  readonly next?: Next;
}

/** What a change did: rule by rule what came and went, what following packets told of it, and that it was read back. */
export function changeScreen(shown: ChangeShown): Screen {
  const {
    before,
    after,
    backend,
    changed,
    dryRun,
    routing,
    nothing,
    title,
    told,
    plan,
    notCovered = [],
    sent,
    next,
  } = shown;
  if (!changed)
    return [
      paragraph(line(strong('Nothing to do: '), nothing)),
      ...(told && !isAsAsked(told) ? toldBlocks(told) : []),
      ...coverBlocks(notCovered),
    ];
  return [
    ...changesTable(
      ruleChanges(before, after),
      routing.map((words) => line(words)),
    ),
    ...(plan ? [...asideBlocks(plan), ...endBlocks(plan)] : []),
    ...(told ? toldBlocks(told) : []),
    ...(sent ? sentBlocks(sent) : []),
    ...coverBlocks(notCovered),
    dryRun
      ? paragraph(line(faint('Nothing has been changed: this is a dry run.')))
      : paragraph(
          line(good('✓ '), title ? `${title}: ` : '', `done in ${after.origin}, iptables-${backend}, and read back`),
          2,
        ),
    ...(next && !dryRun ? [nextBlock(next)] : []),
  ];
}
