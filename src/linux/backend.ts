import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Family } from '../address/index.ts';
import type { Backend, HeldRules, RuleSet, Snapshot, Table, TableName } from '../netfilter/index.ts';
import { emptyRuleSet } from '../netfilter/index.ts';
import { escapeControl } from '../text/index.ts';
import { environment } from './command.ts';
import { ChangeRefused, MissingPackage } from './refusal.ts';
import { findTool, installHint, type Tool } from './tool.ts';

/** How a back end is called in a message. */
export const BACKEND_TITLE: Readonly<Record<Backend, string>> = { nft: 'nft back end', legacy: 'legacy back end' };

/** The command that reads or writes one family's rules of one back end, or undefined when it is not installed. */
export function backendTool(backend: Backend, family: Family, verb: 'save' | 'restore'): string | undefined {
  const prefix = family === 'ipv4' ? 'iptables' : 'ip6tables';
  const suffixed = findTool(`${prefix}-${backend}-${verb}` as Tool);
  if (suffixed !== undefined) return suffixed;
  const plain = findTool(`${prefix}-${verb}` as Tool);
  return plain !== undefined && backendOf(plain) === backend ? plain : undefined;
}

/** The same, or MissingPackage. */
export function demandBackendTool(backend: Backend, family: Family, verb: 'save' | 'restore'): string {
  const path = backendTool(backend, family, verb);
  if (path !== undefined) return path;
  const name = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-${verb}` as Tool;
  throw new MissingPackage(`${name} is not installed`, installHint([name]));
}

/** Which back end a command without suffix belongs to: by the program that it links to, else by what `-V` says. */
function backendOf(path: string): Backend {
  const program = basename(realpathSync(path));
  if (program.includes('nft')) return 'nft';
  if (program.includes('legacy')) return 'legacy';
  // iptables before 1.8 names no back end, and knows only one.
  return spawnSync(path, ['-V'], { encoding: 'utf8', env: environment() }).stdout?.includes('nf_tables')
    ? 'nft'
    : 'legacy';
}

/** The rules of one family and back end: those of the snapshot, or none. */
export const rulesOf = (snapshot: Pick<Snapshot, 'held'>, family: Family, backend: Backend): RuleSet =>
  snapshot.held.find((held) => held.backend === backend && held.rules.family === family)?.rules ?? emptyRuleSet(family);

/** Whether a table does anything: a rule, a chain of somebody's own, or a policy other than ACCEPT. */
export const holdsAnything = (table: Table): boolean =>
  table.chains.some(({ policy, rules }) => rules.length > 0 || policy === undefined || policy !== 'ACCEPT');

/** The tables of a family in which both back ends hold something: which of them runs first cannot be read. */
export function contested(held: readonly HeldRules[]): readonly { family: Family; table: TableName }[] {
  const busy = (backend: Backend) =>
    held
      .filter((one) => one.backend === backend)
      .flatMap(({ rules }) =>
        rules.tables.filter(holdsAnything).map(({ name }) => ({ family: rules.family, table: name })),
      );
  const legacy = busy('legacy');
  return busy('nft').filter((one) => legacy.some(({ family, table }) => family === one.family && table === one.table));
}

/**
 * Which back end takes new rules. SIDESTEP_BACKEND decides; else as Istio does: legacy where legacy rules are in force, else nft.
 * Unlike there, an empty legacy table does not count, so looking (or another tool's probe) never tips the choice.
 */
export function choose(held: readonly HeldRules[], nftWorks: boolean): Backend {
  const wish = wishedBackend();
  if (wish !== undefined) return wish;
  const legacyInForce = held.some(({ backend, rules }) => backend === 'legacy' && rules.tables.some(holdsAnything));
  if (legacyInForce && backendTool('legacy', 'ipv4', 'restore') !== undefined) return 'legacy';
  if (nftWorks && backendTool('nft', 'ipv4', 'restore') !== undefined) return 'nft';
  if (backendTool('legacy', 'ipv4', 'restore') !== undefined) return 'legacy';
  throw new MissingPackage('iptables-restore is not installed', installHint(['iptables-restore']));
}

/** What SIDESTEP_BACKEND asks for. */
export function wishedBackend(): Backend | undefined {
  const wish = process.env.SIDESTEP_BACKEND;
  if (wish === undefined || wish === '') return undefined;
  if (wish === 'nft' || wish === 'legacy') return wish;
  throw new ChangeRefused(`SIDESTEP_BACKEND is ${escapeControl(wish)}`, 'It names a back end: nft or legacy.');
}
