import { FAMILIES } from '../../address/index.ts';
import type { Snapshot } from '../../netfilter/index.ts';
import { type AccountOptions, spokenTitle, tableTitle } from './accounts.ts';

/** What watching tables are called: the rest tells the process that made it. */
export const WATCH_TABLE = 'sidestep-trace-';

/** The snapshot without the tables of others who watch: they decide nothing. */
export const withoutWatchers = (snapshot: Snapshot): Snapshot =>
  snapshot.native
    ? { ...snapshot, native: snapshot.native.filter(({ name }) => !name.startsWith(WATCH_TABLE)) }
    : snapshot;

/** Which base chains of the nft back end hold nothing and accept everything. A chain that was not read is none of them. */
export function idleIn({ held, native = [] }: Snapshot): AccountOptions['idle'] {
  const idle = new Set<string>();
  for (const { backend, rules } of held) {
    if (backend !== 'nft') continue;
    for (const { name: table, chains } of rules.tables) {
      for (const { name, policy, rules: own } of chains)
        if (policy === 'ACCEPT' && own.length === 0) idle.add(`${rules.family} ${table} ${name}`);
    }
  }
  for (const { family, name: table, chains } of native) {
    for (const { name, base, rules } of chains) {
      if (!base || base.policy === 'drop' || rules.length > 0) continue;
      for (const each of FAMILIES) idle.add(`${each} ${family} ${table} ${name}`);
    }
  }
  return (family, table, chain) => table.startsWith(`inet ${WATCH_TABLE}`) || idle.has(`${family} ${table} ${chain}`);
}

/**
 * What the tables of base chains are called: those that iptables shows by their name alone. A table of that name may also have
 * chains which it does not show.
 */
export function titlesIn({ native = [] }: Snapshot): NonNullable<AccountOptions['titleOf']> {
  const own = new Set(
    native.flatMap(({ family, name, chains }) =>
      chains.flatMap((chain) => (chain.base ? [`${family} ${name} ${chain.name}`] : [])),
    ),
  );
  return (family, table, chain) => {
    const spoken = spokenTitle(family, table);
    return own.has(`${spoken} ${chain}`) ? spoken : tableTitle(family, table);
  };
}
