import { FAMILIES, type Family, type PortRange } from '../address/index.ts';
import type { Notice, Program, RoutingChange, Unchanged } from '../interception/index.ts';
import type { Backend, Snapshot } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import type { Catching } from './catching.ts';
import { catchingDocument } from './catching-document.ts';
import { ruleChanges } from './change.ts';
import { unchangedDocument } from './plan-document.ts';
import type { ChangeDocument } from './schema/change.ts';
import type { ProgramDocument } from './schema/program.ts';
import { sentDocument } from './sent-document.ts';
import type { Sent } from './sent-screen.ts';

/** What `init --dry-run -o json` prints. */
export const programDocument = (
  program: Program,
  families: readonly Family[],
  notices: readonly Notice[],
  catching?: Catching,
): ProgramDocument => ({
  schema: 'sidestep/program/1',
  dialect: program.interception.dialect,
  mode: program.interception.mode,
  families: FAMILIES.filter((family) => families.includes(family) && program.commands[family].length > 0),
  notices: [...program.notices, ...notices].map((notice) => ({ ...notice })),
  rules: FAMILIES.filter((family) => families.includes(family)).flatMap((family) =>
    program.commands[family].map(({ table, chain, at, rule }) => ({
      family,
      table,
      chain,
      at,
      rule: printRule(rule, family),
      ...(rule.reason ? { reason: rule.reason } : {}),
    })),
  ),
  routing: program.routing.filter(({ family }) => families.includes(family)).map(routingWords),
  ...(catching ? { catching: catchingDocument(catching) } : {}),
});

/** A change of routing as it would be typed after `ip`. */
export function routingWords(change: RoutingChange): string {
  const flag = change.family === 'ipv4' ? '-4' : '-6';
  switch (change.kind) {
    case 'rule':
      return `${flag} rule add fwmark ${change.mark} lookup ${change.table}`;
    case 'local-route':
      return `${flag} route add local default dev lo table ${change.table}`;
    case 'address':
      return `${flag} address add ${change.prefix} dev ${change.device}`;
  }
}

/** What a change did, or would do. */
export interface ChangeTold {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly dryRun: boolean;
  readonly backend: Backend;
  readonly notices: readonly Notice[];
  /** Each in ip's words. */
  readonly routing: readonly string[];
  /** Of a bypass that was applied or taken back. */
  readonly bypass?: BypassTold;
}

/** What belongs to a bypass beside the rules. */
export interface BypassTold {
  readonly ports: readonly PortRange[];
  /** Seconds since 1970. */
  readonly until?: number;
  readonly unchanged: readonly Unchanged[];
  readonly notCovered: readonly Notice[];
  readonly sent?: Sent | undefined;
}

/** What `init`, `clean` and `bypass --apply` print with `-o json`. */
export function changeDocument(told: ChangeTold): ChangeDocument {
  const { before, after, dryRun, backend, notices, routing, bypass } = told;
  const rules = ruleChanges(before, after).map(({ shown: _, ...change }) => change);
  return {
    schema: 'sidestep/change/1',
    origin: before.origin,
    changed: rules.length > 0 || routing.length > 0,
    dryRun,
    backend,
    notices: notices.map((notice) => ({ ...notice })),
    rules,
    routing: [...routing],
    ...(bypass ? bypassPart(bypass) : {}),
  };
}

const bypassPart = ({ ports, until, unchanged, notCovered, sent }: BypassTold): Partial<ChangeDocument> => ({
  ports: ports.map(([low, high]) => [low, high]),
  ...(until === undefined ? {} : { until: new Date(until * 1000).toISOString() }),
  unchanged: unchangedDocument({ already: unchanged, unneeded: [] }),
  notCovered: notCovered.map((notice) => ({ ...notice })),
  ...(sent ? { sent: sentDocument(sent) } : {}),
});
