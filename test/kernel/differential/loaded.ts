import type { Family } from '../../../src/address/index.ts';
import { readHandles } from '../../../src/linux/index.ts';
import type { Rule, RuleSet, Snapshot } from '../../../src/netfilter/index.ts';
import { parseSave } from '../../../src/text/index.ts';
import { randomSets } from '../../support/random-rules.ts';
import { type Account, Accounts, type Titles } from './account.ts';
import { type Target, targetsOf } from './aim.ts';
import { type Comparing, compareTold } from './compare.ts';
import { type Counted, CountedComparison } from './counted.ts';
import { openCounters } from './counters.ts';
import type { Machine } from './machine.ts';
import { loadNative } from './native.ts';

/** Whose rules are compared: those of either back end of iptables, or nft's own. */
export const BACKENDS = ['nft', 'legacy', 'native'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Rules that the kernel holds now. */
export interface Loaded {
  /** What Sidestep is told of them. */
  readonly snapshot: Partial<Pick<Snapshot, 'held' | 'native' | 'ipsets'>>;
  /** What packets to send. */
  readonly targets: readonly Target[];
  /** The matches and targets in them: `-m tcp`, `-j DROP`. */
  readonly extensions: readonly string[];
  /** Puts the kernel's messages together. */
  readonly accounts: Accounts;
  /** Where rules do not tell, but count: the account with what they have counted since it was asked last. */
  counted?(account: Account): Counted;
  /** Not `asked`: the account is not asked about rules that are open. */
  comparison(account: Account, asked: boolean): Comparing;
  close(): void;
}

/** Throws Refused where a tool does not take the rules, and InputRefused where Sidestep does not. */
export function load(
  machine: Machine,
  { backend, family, text }: { readonly backend: Backend; readonly family: Family; readonly text: string },
  names: readonly string[],
): Loaded {
  if (backend === 'native') return loadNative(family, text, names);
  const [rules] = parseSave(text, { family, source: 'rules' });
  if (!rules) throw new Error('there are no rules');
  const ipsets = /-m set |-j SET /.test(text) ? randomSets(family) : '';
  machine.load(backend, family, text, ipsets);
  const all = {
    snapshot: { held: [{ backend, rules }], ...(ipsets === '' ? {} : { ipsets }) },
    targets: targetsOf(rules),
    extensions: extensionsIn(rules),
  };
  if (backend === 'legacy') return { ...all, ...countedRules(family, rules, names) };
  const placeOf = readHandles(family);
  const titles = { ...PLAIN, placeOf: (_: number, table: string, handle: number) => placeOf(table, handle) };
  const accounts = new Accounts(titles, busyChains(rules), names);
  return { ...all, accounts, comparison: compareTold, close() {} };
}

/** Tables as they are called; no rules. */
const PLAIN: Titles = { titleOf: (_, table) => table, placeOf: () => undefined };

/** The watching table tells where packets end; in between the legacy back end only counts. */
function countedRules(
  family: Family,
  rules: RuleSet,
  names: readonly string[],
): Pick<Loaded, 'accounts' | 'counted' | 'comparison' | 'close'> {
  const counters = openCounters(
    family,
    rules.tables.map(({ name }) => name),
    busyChains(rules),
  );
  return {
    accounts: new Accounts(PLAIN, new Set(), names),
    counted: (account) => ({ ...account, counts: counters.read() }),
    comparison: (account, asked) => new CountedComparison(account as Counted, { ...counters, asked }),
    close: () => counters.close(),
  };
}

/** Built-in chains that can do something. The kernel asks idle ones too. */
function busyChains({ tables }: RuleSet): ReadonlySet<string> {
  return new Set(
    tables.flatMap(({ name: table, chains }) =>
      chains
        .filter(({ rules, policy }) => policy !== undefined && (rules.length > 0 || policy !== 'ACCEPT'))
        .map(({ name }) => `${table} ${name}`),
    ),
  );
}

function extensionsIn({ tables }: RuleSet): readonly string[] {
  const names = new Set<string>();
  const rules: readonly Rule[] = tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules));
  for (const { matches, target } of rules) {
    for (const { name } of matches) names.add(`-m ${name}`);
    if (target) names.add('chain' in target ? (target.kind === 'goto' ? '-g' : '-j CHAIN') : `-j ${target.name}`);
  }
  return [...names];
}
