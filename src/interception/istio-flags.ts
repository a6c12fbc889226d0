import type { Backend } from '../netfilter/index.ts';
import { problemsOf } from './check.ts';
import { readFlagWords } from './flag-words.ts';
import type { Interception, Notice } from './interception.ts';
import { ISTIO_FLAGS } from './istio-flag-table.ts';
import { describedBy, type IstioOptions } from './istio-request.ts';
import type { Environment, Machine } from './machine.ts';
import { type Problem, RequestRefused } from './refused.ts';
import { settingsOf } from './settings.ts';

/** What a call of istio-iptables asks for. */
export interface IstioRequest {
  readonly interception: Interception;
  readonly dryRun: boolean;
  readonly cleanOnly: boolean;
  readonly reconcile: boolean;
  readonly forceApply: boolean;
  readonly skipRuleApply: boolean;
  readonly runValidation: boolean;
  /** The path of the network namespace to enter. */
  readonly netns?: string;
  /** The pod's network is programmed from the host's file system: the lock is the pod's own. */
  readonly cniMode: boolean;
  readonly probePort: number;
  /** Milliseconds. */
  readonly probeTimeout: number;
  readonly backend?: Backend;
  /** What was taken and has no effect, or another one than one would think. What the rules say of it is Program.notices. */
  readonly ignored: readonly Notice[];
}

/**
 * Understands istio-iptables' flags and environment variables as it does itself: flags win over variables, and what it
 * takes is taken. What it refuses, now or when iptables refuses it later, is refused here, all in one go.
 *
 * @throws RequestRefused
 * @example fromIstioFlags(['-p', '15001', '-u', '1337', '-i', '*', '-b', '8080,8888'], process.env, {})
 */
export function fromIstioFlags(
  argv: readonly string[],
  env: Environment,
  machine: Machine,
  options: IstioOptions = {},
): IstioRequest {
  const words = readFlagWords(argv, ISTIO_FLAGS);
  const settings = settingsOf(words.given, env);
  const described = describedBy(settings, env, machine, options);
  const problems = [
    ...words.problems,
    ...settings.problems,
    ...described.problems,
    ...problemsOf(described.interception).map((problem) => ({ ...problem, about: described.as(problem.about) })),
  ];
  if (problems.length > 0) throw new RequestRefused(distinct(problems));
  const netns = settings.text('network-namespace')?.value;
  const backend = settings.text('force-iptables-binary')?.value;
  return {
    interception: described.interception,
    dryRun: settings.boolean('dry-run'),
    cleanOnly: settings.boolean('cleanup-only'),
    reconcile: settings.boolean('reconcile'),
    forceApply: settings.boolean('force-apply'),
    skipRuleApply: settings.boolean('skip-rule-apply'),
    runValidation: settings.boolean('run-validation'),
    ...(netns ? { netns } : {}),
    cniMode: settings.boolean('cni-mode'),
    probePort: settings.number('iptables-probe-port') ?? 15002,
    probeTimeout: settings.number('probe-timeout') ?? 5000,
    ...(backend ? { backend: backend as Backend } : {}),
    ignored: [...settings.notices, ...described.notices],
  };
}

/** A value that stands for two things (`-u` for the gid as well) is complained of once. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  const told = new Set<string>();
  return problems.filter(({ about, value }) => {
    const before = told.size;
    return told.add(JSON.stringify([about, value])).size > before;
  });
}
